"""Image classification by transfer learning, without a notebook.

`tlcore` does all the work of Transfer Learning Studio and is useful without the dashboard. Data flows one way:

    pictures -> prepared dataset -> features -> head / fine-tuning -> report -> bundle -> predictions

Packages import downwards only; `docs/architecture.md` has the order.
"""

__version__ = "0.1.0"
