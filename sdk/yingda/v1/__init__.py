"""The contracts of `proto/yingda/v1`, generated: run `make proto` after changing them."""
