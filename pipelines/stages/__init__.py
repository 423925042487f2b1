"""Stages: one file per stage of dvc.yaml. Read parameters and files, call the engine, write files."""
