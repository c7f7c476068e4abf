"""What the tests reach, by folder, from gcovr's summary; file by file where every branch should be: codec, offsets,
duplicates, the guard of HTTP. A branch that nothing takes is mostly memory that is short."""

import collections
import json
import sys

WATCHED = {
    "codec": ["schemas/event_codec.c", "schemas/wire_reader.c", "schemas/wire_writer.c", "schemas/framing.c"],
    "offsets": ["processors/assignment.c"],
    "dedup": ["processors/dedup.c", "core/known_set.c"],
    "HTTP guard": ["core/http_head.c", "core/http_body.c", "core/http_input.c"],
}


def row(name, each):
    counts = [sum(file[key] for file in each)
              for key in ("line_covered", "line_total", "branch_covered", "branch_total")]
    shares = [100 * counts[i] / counts[i + 1] if counts[i + 1] else 100 for i in (0, 2)]
    print(f"  {name:34}{counts[1]:7} {shares[0]:6.1f} %{counts[3]:9} {shares[1]:6.1f} %")


def main():
    with open(sys.argv[1], encoding="utf-8") as summary:
        files = {file["filename"]: file for file in json.load(summary)["files"]}
    folders = collections.defaultdict(list)
    for name, file in files.items():
        folders[name.split("/")[0]].append(file)
    print(f"  {'':34}{'lines':>7} {'taken':>8}{'branches':>9} {'taken':>8}")
    for folder in sorted(folders):
        row(folder, folders[folder])
    row("all", list(files.values()))
    for what, names in WATCHED.items():
        print(f"  {what}")
        for name in names:
            row("  " + name, [files[name]])


main()
