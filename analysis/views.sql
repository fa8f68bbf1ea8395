-- What a query sees beside the recorded tables (run, epochs, spectra, ssr, ssr_null, robustness, regularizer, ...) and
-- `runs`: one row a run with run_id, run_name, configuration, context, label, regularizer, strength, seed, status.

-- Which module is the first and the last convolution with k > 1 of a run (a 1 x 1 kernel has no high band).
-- Found once: most questions ask for it.
CREATE TEMP TABLE layer_positions AS
WITH spatial AS (
    SELECT run_id, layer, depth, min(depth) OVER runs AS first, max(depth) OVER runs AS last
    FROM (SELECT DISTINCT run_id, layer, depth FROM ssr
          WHERE normalization = 'dc' AND reference = 'init' AND status <> 'no_high_band')
    WINDOW runs AS (PARTITION BY run_id)
)
SELECT run_id, layer, depth, 'first' AS position FROM spatial WHERE depth = first
UNION ALL
SELECT run_id, layer, depth, 'last' AS position FROM spatial WHERE depth = last AND last > first
UNION ALL
SELECT run_id, layer, depth, layer AS position FROM spatial WHERE layer NOT IN ('first', 'last');

CREATE VIEW layers AS FROM layer_positions;

-- The SSR of every layer after each run's last epoch.
CREATE VIEW ssr_final AS
SELECT ssr.* FROM ssr JOIN run USING (run_id) WHERE ssr.epoch = run.epoch;

-- Accuracy under each corruption at each severity of the test split, with what it costs.
CREATE VIEW corrupted AS
SELECT run_id, corruption, severity, parameter, coalesce(parameter_unit, 'parameter') AS parameter_unit,
       robustness.accuracy, robustness.loss, n,
       clean_accuracy AS clean,
       clean_accuracy - robustness.accuracy AS "drop",
       CASE WHEN clean_accuracy > 0 THEN robustness.accuracy / clean_accuracy END AS relative_robustness
FROM robustness JOIN run USING (run_id)
WHERE split = 'test' AND severity > 0;

-- Mean over the severities of each corruption; NULL if one is missing: a mean over fewer is another quantity.
CREATE VIEW corruption_means AS
SELECT run_id, corruption,
       CASE WHEN count(accuracy) = count(*) THEN favg(accuracy) END AS accuracy,
       CASE WHEN count("drop") = count(*) THEN favg("drop") END AS "drop",
       CASE WHEN count(relative_robustness) = count(*) THEN favg(relative_robustness) END AS relative_robustness
FROM corrupted GROUP BY run_id, corruption;

-- Published images (cifar10c:fog) are other test sets than computed ones (fog): never in one mean.
CREATE VIEW corruption_origins AS
SELECT *, CASE WHEN contains(corruption, ':') THEN '/' || split_part(corruption, ':', 1) || ':all' ELSE '' END AS origin
FROM corruption_means;

-- Runs that fit functions have losses and no accuracy: there a loss is a mean squared error, elsewhere in nat.
CREATE VIEW regressions AS
SELECT run_id FROM run WHERE validation_loss IS NOT NULL AND validation_accuracy IS NULL;

-- What an epoch costs: the median, since a machine that is busy for a while slows some epochs; and how often that of
-- the run without regularizer of the same context and seed, made on the same processor or GPU.
CREATE VIEW costs AS
WITH machines AS (
    SELECT run_id, "provenance.processor" AS processor FROM run
),
timed AS (
    SELECT run_id, processor, median(train_seconds) AS epoch_seconds
    FROM epochs JOIN machines USING (run_id) WHERE epoch > 0 GROUP BY run_id, processor
),
plain AS (
    SELECT context, seed, processor, favg(epoch_seconds) AS epoch_seconds
    FROM timed JOIN runs USING (run_id) WHERE regularizer = 'none' AND status = 'complete'
    GROUP BY context, seed, processor
)
SELECT run_id, timed.epoch_seconds,
       CASE WHEN plain.epoch_seconds > 0 THEN timed.epoch_seconds / plain.epoch_seconds END AS relative_cost
FROM timed JOIN runs USING (run_id)
LEFT JOIN plain ON plain.context = runs.context AND plain.seed IS NOT DISTINCT FROM runs.seed
                AND plain.processor IS NOT DISTINCT FROM timed.processor;

CREATE VIEW run_metrics AS
UNPIVOT (
    SELECT run_id, clean_accuracy, validation_accuracy, train_accuracy,
           -- Networks tested on other data than they were trained on have no gap between the two.
           CASE WHEN coalesce("config.trained_on" = "config.dataset", true)
                THEN train_accuracy - clean_accuracy END AS train_test_gap,
           CASE WHEN fits IS NULL THEN clean_loss END AS clean_loss,
           CASE WHEN fits IS NULL THEN validation_loss END AS validation_loss,
           CASE WHEN fits IS NULL THEN train_loss END AS train_loss,
           CASE WHEN fits IS NOT NULL THEN train_loss END AS train_mse,
           CASE WHEN fits IS NOT NULL THEN validation_loss END AS validation_mse,
           CASE WHEN fits IS NOT NULL THEN clean_loss END AS test_mse,
           train_seconds, epoch_seconds, relative_cost
    FROM run LEFT JOIN (SELECT run_id, true AS fits FROM regressions) USING (run_id) LEFT JOIN costs USING (run_id)
) ON COLUMNS(* EXCLUDE run_id) INTO NAME metric VALUE value;

CREATE VIEW robustness_metrics AS
SELECT run_id, quantity || '/' || corruption || '/' || coalesce(format('{:.12g}', parameter), '–') AS metric, value
FROM (UNPIVOT (SELECT run_id, corruption, parameter, accuracy, "drop", relative_robustness FROM corrupted)
      ON accuracy, "drop", relative_robustness INTO NAME quantity VALUE value)
UNION ALL
SELECT run_id, quantity || '/' || corruption AS metric, value
FROM (UNPIVOT corruption_means ON accuracy, "drop", relative_robustness INTO NAME quantity VALUE value)
UNION ALL
SELECT run_id, CASE WHEN origin = '' THEN metric ELSE replace(metric, 'corrupted_', '') || origin END AS metric, value
FROM (UNPIVOT (
    SELECT run_id, origin,
           CASE WHEN count(accuracy) = count(*) THEN favg(accuracy) END AS corrupted_accuracy,
           CASE WHEN count("drop") = count(*) THEN favg("drop") END AS "drop",
           CASE WHEN count(relative_robustness) = count(*) THEN favg(relative_robustness) END AS relative_robustness
    FROM corruption_origins GROUP BY run_id, origin)
    ON COLUMNS(* EXCLUDE (run_id, origin)) INTO NAME metric VALUE value);

CREATE VIEW ssr_metrics AS
SELECT run_id, 'ssr/' || position || '/' || normalization || '/' || reference AS metric, value,
       position, normalization, reference
FROM ssr_final JOIN layers USING (run_id, layer)
WHERE value IS NOT NULL;

-- What a model has fitted of each frequency of the function to fit, after each run's last epoch.
CREATE VIEW function_metrics AS
SELECT run_id, 'explained_variance/' || frequency AS metric, explained_variance AS value, frequency
FROM function_spectrum JOIN run USING (run_id, epoch)
WHERE explained_variance IS NOT NULL;

-- Every metric of every run.
CREATE VIEW metrics AS
SELECT run_id, metric, value FROM run_metrics UNION ALL
SELECT run_id, metric, value FROM robustness_metrics UNION ALL
SELECT run_id, metric, value FROM ssr_metrics UNION ALL
SELECT run_id, metric, value FROM function_metrics;

-- Every metric of complete runs, one value a seed: the rows that means, intervals and tests are made of.
CREATE VIEW replications AS
SELECT configuration, metric, seed, favg(value) AS value
FROM metrics JOIN runs USING (run_id)
WHERE status = 'complete'
GROUP BY configuration, metric, seed;
