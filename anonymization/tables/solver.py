"""One linear programme, solved again and again with other objectives.

Here: the thin shell around HiGHS (single-threaded, fixed seed, warm starts). Not here: what the
rows mean (``intervals``, ``repair``, ``rates``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import highspy
import numpy as np

from anonymization.tables.errors import InconsistentTableError, NoOptimumError

if TYPE_CHECKING:
    from scipy import sparse

    from anonymization.tables.matrix import Floats

CONTRADICTION = (
    "cells: expected cells that agree with each other and with the public bounds, got a "
    "contradiction. Check margins and upper bounds."
)
_STATUS = highspy.HighsModelStatus
TOLERANCE = 1e-9
DIGITS, LARGE = 1e-14, 1e6  # from here on that is more than a number has digits
DUAL, PRIMAL = 1, 4  # HiGHS' numbers; primal suits objectives that change


def _tolerance(*ends: Floats) -> float:
    """How far a row may be off: what rounding makes of its number at most."""
    largest = max(np.abs(end[np.isfinite(end)]).max(initial=0.0) for end in ends)
    return float(DIGITS * largest) if largest > LARGE else TOLERANCE


class Programme:
    """Rows ``row_lower ≤ matrix·x ≤ row_upper`` over a box; objectives come with each call.

    Args:
        matrix: Rows by unknowns.
        row_lower: Lower ends of the rows; may be infinite.
        row_upper: Upper ends of the rows; may be infinite.
        lower: Lower bounds of the unknowns.
        upper: Upper bounds of the unknowns; may be infinite.
        presolve: Simplify first; pays for programmes that are solved once.
        whole_nodes: Whole unknowns only, searched for within so many branch-and-bound nodes; the
            best solution found by then is returned, if there is one.
    """

    def __init__(
        self,
        matrix: sparse.spmatrix,
        row_lower: Floats,
        row_upper: Floats,
        lower: Floats,
        upper: Floats,
        presolve: bool = False,
        whole_nodes: int | None = None,
    ) -> None:
        matrix = matrix.tocsc()
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = matrix.shape
        model.col_cost_ = np.zeros(matrix.shape[1])
        model.col_lower_, model.col_upper_ = lower, upper
        model.row_lower_, model.row_upper_ = row_lower, row_upper
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = matrix.indptr.astype(np.int32)
        model.a_matrix_.index_ = matrix.indices.astype(np.int32)
        model.a_matrix_.value_ = matrix.data
        self._columns = np.arange(matrix.shape[1], dtype=np.int32)
        self._solver = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("parallel", "off"),
            ("random_seed", 0),
            ("presolve", "on" if presolve else "off"),
            ("solver", "simplex"),
            ("simplex_strategy", DUAL if presolve else PRIMAL),
            ("primal_feasibility_tolerance", _tolerance(row_lower, row_upper)),
            ("dual_feasibility_tolerance", TOLERANCE),
        ):
            self._solver.setOptionValue(option, value)
        if whole_nodes is not None:
            model.integrality_ = [highspy.HighsVarType.kInteger] * matrix.shape[1]
            self._solver.setOptionValue("solver", "choose")
            self._solver.setOptionValue("presolve", "on")
            self._solver.setOptionValue("mip_max_nodes", whole_nodes)
            self._solver.setOptionValue("mip_rel_gap", 0.0)
        self._solver.passModel(model)
        self.solved = 0

    def set_cost(self, cost: Floats) -> None:
        """Replace the whole objective."""
        self._solver.changeColsCost(len(cost), self._columns, cost)

    def set_row(self, row: int, lower: float, upper: float) -> None:
        """Replace the ends of one row."""
        self._solver.changeRowBounds(row, lower, upper)

    def set_column(self, column: int, lower: float, upper: float) -> None:
        """Replace the bounds of one unknown."""
        self._solver.changeColBounds(column, lower, upper)

    def set_columns(self, lower: Floats, upper: Floats) -> None:
        """Replace the bounds of all unknowns."""
        self._solver.changeColsBounds(len(lower), self._columns, lower, upper)

    def go_on(self, near: bool) -> None:
        """Start from the solution found last, now that bounds and costs are others.

        Args:
            near: Little has changed: primal steps, without shaking the bounds, lead there fastest.
        """
        self._solver.setOptionValue("simplex_strategy", PRIMAL if near else DUAL)
        shaken = "primal_simplex_bound_perturbation_multiplier"
        self._solver.setOptionValue(shaken, 0.0 if near else 1.0)

    def minimise(self) -> tuple[Floats | None, float]:
        """A cheapest solution and its cost.

        Returns:
            The unknowns and the cost; ``(None, inf)`` if no solution exists, ``(None, -inf)`` if
            the cost has no lower end.

        Raises:
            NoOptimumError: The solver stopped without an answer.
        """
        if not len(self._columns):
            return np.zeros(0), 0.0
        self._solver.run()
        self.solved += 1
        if self._solver.getModelStatus() == _STATUS.kUnknown:
            self._again()
        status = self._solver.getModelStatus()
        if status == _STATUS.kOptimal:
            point = np.asarray(self._solver.getSolution().col_value, dtype=np.float64)
            return point, self._solver.getObjectiveValue()
        if status == _STATUS.kSolutionLimit:
            return self._incumbent()
        if status == _STATUS.kInfeasible:
            return None, np.inf
        if status in (_STATUS.kUnbounded, _STATUS.kUnboundedOrInfeasible):
            return None, -np.inf
        name = self._solver.modelStatusToString(status)
        raise NoOptimumError(f"linear programme: expected an optimum, got status {name}.")

    def _again(self) -> None:
        """Solve from scratch, another way, where a warm start has lost its footing."""
        strategy = self._solver.getOptionValue("simplex_strategy")[1]
        presolve = self._solver.getOptionValue("presolve")[1]
        self._solver.clearSolver()
        self._solver.setOptionValue("presolve", "on")
        self._solver.setOptionValue("simplex_strategy", DUAL)
        self._solver.run()
        self._solver.setOptionValue("presolve", presolve)
        self._solver.setOptionValue("simplex_strategy", strategy)

    def _incumbent(self) -> tuple[Floats | None, float]:
        """The best whole solution at the node limit, if one was found."""
        found = self._solver.getInfo().primal_solution_status == highspy.kSolutionStatusFeasible
        if not found:
            return None, np.inf
        point = np.asarray(self._solver.getSolution().col_value, dtype=np.float64)
        return point, self._solver.getObjectiveValue()

    def allow_gap(self, share: float) -> None:
        """Be content with a whole solution that may cost so much more than the cheapest."""
        self._solver.setOptionValue("mip_rel_gap", share)

    def duals(self) -> Floats:
        """What each row's end is worth in the solution found last, by its unit."""
        return np.asarray(self._solver.getSolution().row_dual, dtype=np.float64)

    @property
    def steps(self) -> int:
        """Steps of the simplex that the solution found last took."""
        return int(self._solver.getInfo().simplex_iteration_count)

    @property
    def bound(self) -> float:
        """What no whole solution costs less than, as found last."""
        return float(self._solver.getInfo().mip_dual_bound)

    def require(self) -> Floats:
        """A solution of the rows; the objective must be bounded.

        Raises:
            InconsistentTableError: The rows contradict each other.
        """
        point, _ = self.minimise()
        if point is None:
            raise InconsistentTableError(CONTRADICTION)
        return point
