"""What the tables hold."""

from frequency_reg import records


def test_every_table_has_a_run_id_and_every_field_a_definition_and_unit():
    for name, schema in records.TABLES.items():
        assert schema.names[0] == "run_id", name
        for field in schema:
            assert field.metadata[b"definition"]
            assert field.metadata[b"unit"]


def test_columns_that_design_names_are_there():
    assert {"epoch", "layer", "depth", "kernel", "radius", "multiplicity", "power"} < set(
        records.TABLES["spectra"].names
    )
    assert {"epoch", "layer", "normalization", "reference", "value"} < set(records.TABLES["ssr"].names)
    assert {"corruption", "severity", "parameter", "accuracy", "loss", "n"} < set(records.TABLES["robustness"].names)
