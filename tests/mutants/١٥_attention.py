"""Right and wrong answers to exercise 15, and the hint that each wrong one must get."""

from tests.mutants import Answers

ANSWERS = [
    Answers(
        "halve",
        right={
            "times a half": "def halve(numbers): return numbers * 0.5",
            "torch": "def halve(numbers): return torch.div(numbers, 2)",
        },
        wrong={
            "unchanged": ("def halve(numbers): return numbers", r"half of each"),
            "doubled": ("def halve(numbers): return numbers * 2", r"half of each"),
            "rounded down": ("def halve(numbers): return numbers // 2", r"half of each"),
            "without signs": ("def halve(numbers): return numbers.abs() / 2", r"negative"),
        },
    ),
]
