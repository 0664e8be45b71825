"""Ask whether an item of news is a candidate at all; the lexicons stand here because two services ask."""

from shared.gate.gate import GateResult, gate

__all__ = ["GateResult", "gate"]
