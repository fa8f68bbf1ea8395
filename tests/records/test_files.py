"""Files are published whole or not at all."""

import multiprocessing
import os
import resource
import signal

import pyarrow as pa

from frequency_reg.records import RecordsError, write_table


def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path):
    """A limit on file size stands for a full disk; the process that hits it is a child."""
    path = tmp_path / "t.parquet"
    write_table(path, pa.table({"x": [1]}))
    before = path.read_bytes()

    def write_too_much():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            write_table(path, pa.table({"x": [os.urandom(50_000)]}))
        except RecordsError as error:
            good = "could not be written (File too large); what stood there is intact" in str(error)
            os._exit(0 if good else 3)
        os._exit(4)

    child = multiprocessing.get_context("fork").Process(target=write_too_much)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]
