# SPDX-License-Identifier: BSD-2-Clause
"""python3 -m corpus OUTDIR [--large]      writes every archive as OUTDIR/RECIPE.ozx (as seeds for
fuzzing, and for other tools) python3 -m corpus --policy             prints the registry as
tests/data/policy.tsv

--large adds those of more than 4 GiB (sparse) or more than 50,000 entries. The archives are the
same bytes every time.
"""
import argparse
import os
import sys

from . import RECIPES, policy_lines


def main():
    parser = argparse.ArgumentParser(prog='corpus',
                                     description='Writes the corpus of forged archives.')
    parser.add_argument('outdir', nargs='?', help='folder to write into; made if it is missing')
    parser.add_argument('--large', action='store_true', help='the large archives too')
    parser.add_argument('--policy', action='store_true', help='print the policy table instead')
    options = parser.parse_args()
    if options.policy:
        print('\n'.join(policy_lines()))
        return 0
    if not options.outdir:
        parser.error('OUTDIR is missing')
    os.makedirs(options.outdir, exist_ok=True)
    written = [r for r in RECIPES.values() if options.large or not r.large]
    for recipe in written:
        recipe.build().write(os.path.join(options.outdir, recipe.name + '.ozx'))
    print('%d archives in %s' % (len(written), options.outdir))
    return 0


sys.exit(main())
