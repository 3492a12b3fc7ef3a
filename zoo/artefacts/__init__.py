"""What training leaves behind and what prediction reads: run directories and Predictors."""
