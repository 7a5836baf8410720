"""The models: texts and labels in, a bundle out; `models.bundle.load` gives what serves."""
