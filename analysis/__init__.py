"""From records to answers: load, aggregate over seeds, compare, draw, report.

Importing this package is cheap: no plotting library is loaded until a figure is asked for, and never torch or Hydra.
"""

from analysis.load import AnalysisError, Records, load

__all__ = ["AnalysisError", "Records", "load"]
