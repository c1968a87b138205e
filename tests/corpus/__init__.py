# SPDX-License-Identifier: BSD-2-Clause
"""The corpus: archives forged byte by byte, one per clause of the policy table. `RECIPES` holds
them all; `python3 -m corpus` writes them."""
from . import (  # noqa: F401  (they register their recipes)
    recipes_content, recipes_edited, recipes_entries, recipes_meta, recipes_names,
    recipes_readings, recipes_tail, recipes_transfer, recipes_zip64)
from .recipe import (
    EIO, IDS, RECIPES, REFUSE, SERVE, Damaged, Made, Recipe, Sparse, Unreadable, policy_lines)

__all__ = [
    'EIO', 'IDS', 'RECIPES', 'REFUSE', 'SERVE', 'Damaged', 'Made', 'Recipe', 'Sparse', 'Unreadable',
    'policy_lines'
]
