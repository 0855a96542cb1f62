"""Networks for one member: softmax and linear regression, MLP, CNN, 1-D CNN for windows."""

from .cnn import cnn
from .linear import linear
from .mlp import mlp
from .sensor import sensor

__all__ = ["cnn", "linear", "mlp", "sensor"]
