# SPDX-License-Identifier: BSD-2-Clause
# As in nixpkgs; `nix-build data/nix` builds this checkout. fusermount3 is the wrapper that NixOS installs for
# programs.fuse, or that of another distribution.
{
  lib,
  stdenv,
  meson,
  ninja,
  pkg-config,
  c-blosc,
  curl,
  fuse3,
  jansson,
  libdeflate,
  libmicrohttpd,
  libpng,
  libzip,
  nettle,
  zlib,
  zstd,
}:

stdenv.mkDerivation {
  pname = "ozxfs";
  version = "0.2.0";

  src = lib.cleanSource ../..;

  nativeBuildInputs = [
    meson
    ninja
    pkg-config
  ];

  buildInputs = [
    c-blosc
    curl
    fuse3
    jansson
    libdeflate
    libmicrohttpd
    libpng
    libzip
    nettle
    zlib
    zstd
  ];

  mesonBuildType = "release";
  mesonFlags = [
    (lib.mesonBool "tests" false)
    (lib.mesonEnable "mount" true)
    (lib.mesonOption "fusermount_path" "/run/wrappers/bin:/usr/bin:/bin:/usr/local/bin")
  ];

  doInstallCheck = true;
  installCheckPhase = ''
    runHook preInstallCheck
    $out/bin/ozxfs --version
    $out/bin/ozxfs help mount
    runHook postInstallCheck
  '';

  meta = {
    description = "Mounts and packs zipped OME-Zarr images (.ozx)";
    license = lib.licenses.bsd2;
    mainProgram = "ozxfs";
    platforms = lib.platforms.linux;
  };
}
