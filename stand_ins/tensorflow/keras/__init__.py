"""Stands in for Keras, which Rasa also imports beside TensorFlow's own."""

from tensorflow._left_out import provide

__version__ = "2.12.0+stand.in"

provide(__name__, ("utils", "utils.control_flow_util", "utils.tf_utils"))
