"""The state of a network in training."""

import chex
import flax.struct
import jax
import jax.numpy as jnp
import optax

from amkd.models.layers import Variables


@flax.struct.dataclass
class AuxiliaryState:
    """An auxiliary head in training: a loss trains it together with the student, then drops it.

    Attributes:
      params: its parameters.
      opt_state: the optimizer's state.
    """

    params: chex.ArrayTree
    opt_state: optax.OptState


@flax.struct.dataclass
class TrainState:
    """A network in training.

    Attributes:
      step: ``int32[]``, number of finished steps.
      variables: parameters, and BatchNorm's running statistics if there are any.
      opt_state: the optimizer's state.
      average: running average of the variables; None if none is kept.
      auxiliary: the state of an auxiliary head; None for a loss without one.
    """

    step: jax.Array
    variables: Variables
    opt_state: optax.OptState
    average: Variables | None = None
    auxiliary: AuxiliaryState | None = None

    @property
    def result(self) -> Variables:
        """Returns the trained variables: the average, if one is kept."""
        return self.variables if self.average is None else self.average


def start(
    variables: Variables,
    tx: optax.GradientTransformation,
    *,
    averages: bool = False,
    auxiliary_params: chex.ArrayTree = None,
    auxiliary_tx: optax.GradientTransformation | None = None,
) -> TrainState:
    """Returns the state before the first step.

    Args:
      variables: the network's initial variables.
      tx: the optimizer.
      averages: whether a running average is kept.
      auxiliary_params: initial parameters of the loss's auxiliary head; None without one.
      auxiliary_tx: the optimizer of that head; None for the optimizer of the network.
    """
    head, head_tx = auxiliary_params, auxiliary_tx or tx
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        variables=variables,
        opt_state=tx.init(variables["params"]),
        average=jax.tree.map(jnp.copy, variables) if averages else None,
        auxiliary=None
        if head is None
        else AuxiliaryState(params=head, opt_state=head_tx.init(head)),
    )
