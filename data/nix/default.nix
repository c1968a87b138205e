# SPDX-License-Identifier: BSD-2-Clause
{
  pkgs ? import <nixpkgs> { },
}:

pkgs.callPackage ./package.nix { }
