# Stands in for nixpkgs where that cannot be had: `--override-input nixpkgs` points here.
#
# It proves the wiring of our flake.nix: that it evaluates for every system, which names it
# uses, that shell, apps and checks hold what they should and that the tests pass in them.
# It does not prove that nixpkgs has these names, nor at which versions. A "package" is a
# link to a program of this machine; host.json beside this file, written by the test, says
# where they are.
{
  outputs =
    { self }:
    let
      host = builtins.fromJSON (builtins.readFile ./host.json);
      lib = {
        inherit (builtins) filter;
        genAttrs =
          names: f:
          builtins.listToAttrs (
            map (name: {
              inherit name;
              value = f name;
            }) names
          );
        getExe = package: "${package}/bin/${package.meta.mainProgram}";
      };
      pathOf = packages: builtins.concatStringsSep ":" (map (package: "${package}/bin") packages);

      pkgsFor =
        system:
        let
          # `exit 0` at the end: bash would exec a last command, and one that closes its
          # stdout early gets the builder killed.
          build =
            name: environment: script:
            derivation (
              {
                inherit name system;
                builder = host.bash;
                args = [
                  "-euc"
                  "PATH=$PATH:${host.path}\n${script}\nexit 0\n"
                ];
                PATH = "/no-such-folder";
              }
              // environment
            )
            // {
              meta.mainProgram = name;
            };

          # Links to the programs of this machine, and a folder for data.
          linked =
            name: programs:
            build name { inherit programs; } ''
              mkdir -p $out/bin $out/share/${name}
              for program in $programs; do ln -s "$(command -v "$program")" $out/bin/; done
            '';

          # As in nixpkgs, the environment holds the packages asked for and what they
          # need, nothing else of the Python that it is made from.
          names = lib.genAttrs host.pythonPackages (name: name);
        in
        {
          python3.withPackages =
            choose:
            build "python3" { wanted = choose names; } ''
              ${host.python} ${./python_environment.py} $out $wanted
            '';

          curl = linked "curl" [ "curl" ];
          gnumake = linked "gnumake" [ "make" ];
          goaccess = linked "goaccess" [ "goaccess" ];
          grafana = linked "grafana" [ ]; # no registry has its binary
          jq = linked "jq" [ "jq" ];
          nginx = linked "nginx" [ "nginx" ];
          openssl = linked "openssl" [ "openssl" ];
          process-compose = linked "process-compose" [ "process-compose" ];
          prometheus = linked "prometheus" [ "prometheus" ] // {
            cli = linked "prometheus-cli" [ "promtool" ];
          };
          ruff = linked "ruff" [ "ruff" ];
          shellcheck = linked "shellcheck" [ "shellcheck" ];
          tmux = linked "tmux" [ "tmux" ];
          wrk = linked "wrk" [ "wrk" ];
          yamllint = linked "yamllint" [ "yamllint" ];
          bashInteractive = linked "bash" [ "bash" ];
          nixfmt-tree = build "treefmt" { } ''
            mkdir -p $out/bin
            printf '#!/bin/sh\necho "formatted: $*"\n' > $out/bin/treefmt
            chmod +x $out/bin/treefmt
          '';

          # Fixed-output, so Nix itself compares the content with the hash.
          fetchPypi =
            {
              pname,
              version,
              hash,
            }:
            build "${pname}-${version}.tar.gz" {
              outputHash = hash;
              outputHashMode = "flat";
              outputHashAlgo = "sha256";
            } "cp ${host.corpora}/${pname}-${version}.tar.gz $out";

          linkFarm =
            name: entries:
            build name { } ''
              mkdir -p $out
              ${builtins.concatStringsSep "\n" (map (entry: "ln -s ${entry.path} $out/${entry.name}") entries)}
            '';

          runCommand =
            name:
            { nativeBuildInputs, ... }@given:
            script:
            build name (
              builtins.removeAttrs given [ "nativeBuildInputs" ] // { PATH = pathOf nativeBuildInputs; }
            ) "patchShebangs() { test -d \"$1\"; }\n${script}";

          writeShellApplication =
            {
              name,
              text,
              runtimeInputs,
              runtimeEnv,
            }:
            let
              exports = map (key: "export ${key}=${runtimeEnv.${key}}") (builtins.attrNames runtimeEnv);
            in
            build name
              {
                script = ''
                  #!${host.bash}
                  set -o errexit
                  set -o nounset
                  set -o pipefail
                  export PATH="${pathOf runtimeInputs}:$PATH"
                  ${builtins.concatStringsSep "\n" exports}

                  ${text}
                '';
              }
              ''
                mkdir -p $out/bin
                printf '%s' "$script" > $out/bin/${name}
                chmod +x $out/bin/${name}
                shellcheck $out/bin/${name}
              '';

          mkShellNoCC =
            { packages, env }:
            build "nix-shell" (
              env
              // {
                outputs = [ "out" ];
                toolPath = pathOf packages;
                stdenv = build "stdenv" { } ''
                  mkdir -p $out
                  echo 'export PATH="$toolPath"' > $out/setup
                '';
              }
            ) "echo > $out";
        };
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" ] pkgsFor;
    };
}
