"""The report's table of the registries on Swift."""

import statistics

import report
import swift_store

def markdown(results, names):
    """One table: wall time, CPU time and requests of every row, and the peak of memory."""
    sizes, rounds = results["sizes"], results["rounds"]
    mib = {key: sizes[f"{key}_bytes"] // swift_store.MIB for key in ("small", "large")}
    columns = [*names, swift_store.DIRECT]
    peers = [name for name in names if name != report.OURS] if report.OURS in names else []
    header = ["", "unit, less is better", *columns, *(f"{report.OURS} / {peer}" for peer in peers)]
    text = [header, ["---"] * 2 + ["---:"] * (len(header) - 2)]
    for row in swift_store.ROWS:
        title = row.title
        for key, size in mib.items():
            title = title.replace(f"the {key} blob", f"{size} MiB")
        for unit, value in (("wall ms", wall), ("CPU ms of the registry", cpu), ("requests to Swift", requests)):
            found = {name: value(results, name, row.key) for name in columns}
            rough = {name for name in columns if value is cpu and is_rough(results, name, row.key)}
            text.append(line(title, unit, found, columns, peers, rough))
    peak = {name: [m["peak_bytes"] / swift_store.MIB for m in results["memory"] if m["server"] == name] for name in names}
    text.append(line("resident memory, peak of the run", "MiB", {**peak, swift_store.DIRECT: []}, columns, peers))
    parts = [
        "**On the same OpenStack Swift** (2.38.3, one replica, this machine)",
        "\n".join(f"- {name}: {results['versions'][name]}" for name in names),
        f"Long form of a push (POST, chunked PATCH, PUT), one blob, one connection; {rounds} round"
        + ("s: median (least to most)." if rounds > 1 else ".")
        + " Requests are counted in a run of their own, through a proxy; the others go straight to Swift. "
        "`~`: fewer than 10 clock ticks (0.1 s) of CPU time in a round, so a rough figure.",
        "\n".join("| " + " | ".join(cells) + " |" for cells in text),
    ]
    return "\n\n".join(parts)


def line(title, unit, found, columns, peers, rough=()):
    cells = [title, unit, *(("~" if name in rough else "") + cell(found[name]) for name in columns)]
    return cells + [report.ratio(found[report.OURS], found[peer]) if found[peer] else "-" for peer in peers]


def cell(values):
    if not values:
        return "-"
    if all(value == int(value) for value in values) and statistics.median(values) < 1000:
        return f"{statistics.median(values):.0f}"
    return report.spread(values)


def wall(results, name, key):
    return [1000 * m["wall_seconds"] / m["operations"] for m in timed(results, name, key)]


def cpu(results, name, key):
    return [1000 * m["cpu_seconds"] / m["operations"] for m in timed(results, name, key) if "cpu_seconds" in m]


def is_rough(results, name, key):
    return any(m.get("cpu_ticks", report.ROUGH_TICKS) < report.ROUGH_TICKS for m in timed(results, name, key))


def requests(results, name, key):
    """Per operation; nothing else was going on."""
    if name == swift_store.DIRECT:
        return [1] if timed(results, name, key) else []
    counted = [m for m in results["measurements"] if (m["round"], m["server"], m["row"]) == (0, name, key)]
    return [sum(m["requests"].values()) / m["operations"] for m in counted]


def timed(results, name, key):
    return [m for m in results["measurements"] if m["round"] > 0 and m["server"] == name and m["row"] == key]
