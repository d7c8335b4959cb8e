"""Budgets, measured: `python -m benchmarks` writes docs/benchmarks.md.

Everything that is compared is measured in the same run, in turn. Modules in `parts`
measure one subject each and return a `results.Section`; what needs Django runs in a
process of its own, a module of `inside`.
"""
