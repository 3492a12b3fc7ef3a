"""linear on diabetes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.registry import register_recipe


@register_recipe("linear", "diabetes", expected={"r2": 0.543}, tolerance=0.01)
def linear_diabetes() -> Mapping[str, Any]:
    """Linear regression on diabetes, with gradient descent down to the closed form.

    Command: zoo train linear --data diabetes
    Hardware: 2 cores of x86-64 with AVX-512, no GPU
    Time: 23 s of training
    Expected: r2 0.543 on the test split, mean of three seeds; tolerance 0.01

    The training error ends within 0.002 % of the least-squares solution (2824.67 and 2824.64); a rate of 0.03 ends
    at 2824.86. The columns are strongly correlated, so smaller rates take far longer.
    """
    return {"epochs": 200, "batch_size": 32, "learning_rate": 0.1, "schedule": "cosine", "warmup": 0.1}
