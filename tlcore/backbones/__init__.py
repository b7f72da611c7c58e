"""Pretrained networks: what is known of each as data, and how each is built."""
