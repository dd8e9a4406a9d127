"""tune: search for hyperparameters with many small networks at once."""

from fastnn.inputs.calls import explained_parts
from fastnn.tune.automatic import auto
from fastnn.tune.bayesian import bayesian
from fastnn.tune.choices import Choice, Tuple
from fastnn.tune.crossval import CrossValidation, cross_validate
from fastnn.tune.defaults import TIERS, default_build, default_space
from fastnn.tune.ledger import Ledger
from fastnn.tune.plans import Strategy
from fastnn.tune.result import Result
from fastnn.tune.scales import LogUniform, OneMinusLog, Uniform
from fastnn.tune.search import search
from fastnn.tune.space import Space
from fastnn.tune.splits import folds
from fastnn.tune.strategies import grid, halving, random
from fastnn.tune.trial import Trial
from fastnn.tune.whole import Int, LogInt
from fastnn.tune.zoom import coarse_to_fine

__all__ = [
    "TIERS",
    "Choice",
    "CrossValidation",
    "Int",
    "Ledger",
    "LogInt",
    "LogUniform",
    "OneMinusLog",
    "Result",
    "Space",
    "Strategy",
    "Trial",
    "Tuple",
    "Uniform",
    "auto",
    "bayesian",
    "coarse_to_fine",
    "cross_validate",
    "default_build",
    "default_space",
    "folds",
    "grid",
    "halving",
    "random",
    "search",
]

explained_parts(
    [Choice, Int, Ledger, LogInt, LogUniform, OneMinusLog, Space, Strategy, Tuple, Uniform]
)
