"""What every number of the report means, in words: the definitions that are printed beside the numbers."""

from __future__ import annotations

from analysis.formatting import value_text
from analysis.load import Records

DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        "Kernel spectrum",
        "For a weight W of shape (out, in, k, k): P = |DFT2(W)|², integer frequencies f = fftfreq(k)·k, "
        "radius r = √(f_u² + f_v²) in cycles per kernel. The radial profile has one bin for each distinct radius "
        "(3 × 3: 0, 1, √2 with 1, 4, 4 bins of the DFT); its value is the mean power over the ring and over all "
        "out × in kernels. Mean power times multiplicity is the ring energy; over all radii it sums to the total "
        "(Parseval).",
    ),
    (
        "High band",
        "Radii with index ≥ max(1, ⌊number of radii / 2⌋). At 3 × 3 this is every radius but 0; 1 × 1 kernels "
        "have no high band and no SSR.",
    ),
    (
        "Spectral Suppression Ratio (SSR)",
        "SSR = (H_ref − H) / H_ref, where H measures a layer's high band now and H_ref in a reference state. "
        "Positive: less than in the reference (suppression). Negative: more (accumulation).",
    ),
    (
        "SSR, normalization",
        "dc: H = sum of high profile values / value at radius 0. total: sum of high profile values / sum of all "
        "profile values. energy: high ring energy / total ring energy (weighted by multiplicity). absolute: high ring "
        "energy itself; under batch normalization the weight's scale is arbitrary, so it is confounded by weight "
        "decay. absolute_folded: as absolute, after folding the following batch normalization's scale into the weight; "
        "only where one follows.",
    ),
    (
        "SSR, reference",
        "init: the state before the first update (epoch 0). epoch_1: the state after the first epoch, the published "
        "choice. A regularizer that changes the first epoch changes this reference, and so its own SSR.",
    ),
    (
        "Null of the SSR",
        "The SSR between two independent random initialisations of the same layer: what it takes when nothing was "
        "learned. Its range is drawn grey: from the smallest to the largest draw, or, from 39 distinct draws on, 95% "
        "of them; fewer draws cannot show .05. The number of draws stands beside every range. A network has one null, "
        "whatever its regularizer. Inside or outside is said only of an interval over seeds that lies there whole. "
        "The null belongs to the reference init; of epoch_1 it says nothing.",
    ),
    (
        "Why no single SSR is trusted",
        "One SSR mixes the state with the reference it is taken against: in the published ResNet-18 figures dropout's "
        "epoch_1 SSR (−1.60) looks like suppression beside no regularization (−4.46), yet against a white initial "
        "spectrum dropout keeps more high-frequency power (−0.03) than none (+0.22). And a small layer's SSR varies "
        "between random states. Read an SSR as a trajectory, with its normalization and reference, beside its null.",
    ),
    (
        "Clean accuracy",
        "Share of the uncorrupted test set classified correctly after the last epoch. Severity 0 of every corruption "
        "is this set.",
    ),
    (
        "Corrupted accuracy, drop, relative robustness",
        "Images are perturbed in [0, 1], before normalization. Corrupted accuracy: accuracy on the perturbed test set; "
        "for one corruption the mean over severities 1 and up, overall the mean over corruptions of those means. "
        "Drop: clean − corrupted. Relative robustness: corrupted / clean, since regularizers differ in clean accuracy.",
    ),
    (
        "Corruption error (CE), mCE, relative mCE, mean accuracy",
        "Of the 15 corruptions of CIFAR-10-C at severities 1 to 5. CE: the sum of the errors over the severities "
        "divided by that of a baseline; mCE: the mean of the 15 CE. Relative: the same of errors minus clean error. "
        "100% is the baseline, less is better; a baseline belongs to its data set and images. Mean accuracy: the mean "
        "of all 75 accuracies (RobustBench's convention). Images computed here and published ones are never in one "
        "number.",
    ),
    (
        "Mean, interval, n",
        "The seed is the replication unit. mean ± t(0.975, n − 1) · sd / √n over seeds: the 95% Student-t interval; "
        "from 20 seeds on the BCa bootstrap interval of the mean. "
        "n = 1 has no interval and ranks nothing. Only complete runs count; the others are listed above.",
    ),
    (
        "Paired difference, p, Holm p",
        "Configuration minus baseline for each seed that both have; mean, interval and two-sided paired t test over "
        "those differences. Holm's step-down correction holds the chance of any false rejection among all tests "
        "shown at 5%. Effect size g: Hedges' g, the mean difference in standard deviations of the differences.",
    ),
    (
        "Spectrum relative to white",
        "Power at a radius divided by the mean power over all bins of the kernel's DFT. 1 (log2: 0) at every radius is "
        "a white spectrum, as a random initialisation has on average.",
    ),
    (
        "Selecting",
        "A click on a row, a line or a point, or a name in a legend, selects that configuration everywhere; all others "
        "fade. Escape clears the selection.",
    ),
)
"""Term and definition, in reading order."""

CORRUPTIONS = {
    "gaussian_noise": "additive normal noise of the given standard deviation",
    "gaussian_blur": "convolution with a k × k Gaussian kernel, σ = 0.3 k + 0.8 unless the records say otherwise",
    "resize": "down to n px and back, bilinear, without antialiasing unless the records say otherwise: it aliases too",
    "low_pass": "ideal FFT filter that keeps the disc of the given radius",
    "high_pass": "ideal FFT filter that removes the disc of the given radius",
    "impulse_noise": "salt-and-pepper noise on the given share of pixels",
    "shot_noise": "Poisson noise, x → Poisson(x c) / c",
    "speckle_noise": "multiplicative normal noise, x + x N",
    "defocus_blur": "convolution with a disc",
    "glass_blur": "blur with pixels exchanged within a small distance",
    "motion_blur": "blur along a line in a random direction",
    "zoom_blur": "mean over enlargements",
    "fog": "a plasma fractal added and rescaled",
    "frost": "mixed with photographs of frost",
    "snow": "motion-blurred noise laid over the image",
    "brightness": "value in HSV raised",
    "contrast": "shrunk towards each channel's mean",
    "elastic_transform": "random affine and smooth local displacement",
    "pixelate": "down by box filter and back by nearest neighbour",
    "jpeg_compression": "JPEG compression at the given quality",
    "saturate": "saturation in HSV scaled and shifted",
    "spatter": "drops of water or mud",
}
"""What is done to an image, by the corruption's name."""


def definitions() -> tuple[tuple[str, str], ...]:
    """Term and definition, in reading order."""
    return DEFINITIONS


def corruption_definitions(records: Records) -> list[tuple[str, str]]:
    """Every corruption of the records: its name; what it does, where known, and its parameter at each severity."""
    rows = records.sql(
        "SELECT DISTINCT corruption, severity, parameter_unit AS unit, format('{:.12g}', parameter) AS at "
        "FROM corrupted ORDER BY ALL"
    )
    found = []
    for name, group in rows.groupby("corruption", sort=False):
        origin, _, own = str(name).rpartition(":")
        known = CORRUPTIONS.get(own) or CORRUPTIONS.get(own.removesuffix("_c"))
        words = ("published images: " if origin else "") + (known or "no description on file")
        steps = group.groupby("severity")["at"].agg(lambda at: " or ".join(str(a) for a in at if a is not None))
        unit = ", ".join(dict.fromkeys(value_text(u) for u in group["unit"]))
        found.append((value_text(name), f"{words}. {unit}, by severity: {', '.join(steps)}."))
    return found
