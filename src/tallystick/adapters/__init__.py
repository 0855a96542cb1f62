"""Learners written for another library: PyTorch, scikit-learn, Flower; nothing else needs them."""
