"""The router's measures under the name that the benchmarks import them by."""

from router.evaluate.metrics import Array, apgr, intervals

__all__ = ["Array", "apgr", "intervals"]
