"""Streaming control charts: pure statistics, one short file for each family."""

from services.postprocessing.domain.charts.baseline import Baseline, Learning
from services.postprocessing.domain.charts.bernoulli import BernoulliCusum
from services.postprocessing.domain.charts.chart import Chart, Signal, State
from services.postprocessing.domain.charts.lot_rate import LotRate
from services.postprocessing.domain.charts.measured import Cusum, Ewma
from services.postprocessing.domain.charts.nelson import Nelson
from services.postprocessing.domain.charts.relative import Relative
from services.postprocessing.domain.charts.runs import Consecutive, KOfN
from services.postprocessing.domain.charts.sight import InconclusiveRate, MissingParts
from services.postprocessing.domain.charts.subgroups import PChart, UChart
from services.postprocessing.domain.charts.trend import Trend

__all__ = [
    "Baseline",
    "BernoulliCusum",
    "Chart",
    "Consecutive",
    "Cusum",
    "Ewma",
    "InconclusiveRate",
    "KOfN",
    "Learning",
    "LotRate",
    "MissingParts",
    "Nelson",
    "PChart",
    "Relative",
    "Signal",
    "State",
    "Trend",
    "UChart",
]
