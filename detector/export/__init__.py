"""Export: the model for other stacks, as a scikit-learn pipeline (joblib) or its classifier as ONNX.

Both give the bundle's probabilities. Neither abstains on short or foreign texts: that is the detector's part.
"""

from detector.export.onnx import to_onnx
from detector.export.pipeline import SpunHeads, to_pipeline

__all__ = ["SpunHeads", "to_onnx", "to_pipeline"]
