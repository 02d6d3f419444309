"""The methods there are. Apart from the package itself, as a team is a method, and its parts use other methods."""

from collections.abc import Callable, Mapping

from agents.methods.best_of_n import BestOfN
from agents.methods.calculate import Calculate
from agents.methods.direct import Direct
from agents.methods.ladder import Ladder
from agents.methods.long_pass import LongPass
from agents.methods.loop import Loop
from agents.methods.method import Method
from agents.methods.refine import Refine
from agents.methods.self_consistency import SelfConsistency
from agents.methods.team import Team
from agents.methods.verify import Verify
from agents.records import MethodName

METHODS: Mapping[MethodName, Callable[..., Method]] = {
    "calculate": Calculate,
    "direct": Direct,
    "loop": Loop,
    "self_consistency": SelfConsistency,
    "best_of_n": BestOfN,
    "refine": Refine,
    "verify": Verify,
    "ladder": Ladder,
    "long_pass": LongPass,
    "team": Team,
}
"""What makes each method; a method that is not here is not available."""
