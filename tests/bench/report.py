"""The report: Markdown tables of medians, spread and ratios."""

import os
import platform
import statistics
from pathlib import Path

from rows import MIB, ROWS

OURS = "wharfinger"
# Below this a difference of one clock tick is over a tenth of the figure.
ROUGH_TICKS = 10


def machine():
    """What the figures were measured on."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    lines = [[part.strip() for part in line.split(":", 1)] for line in cpuinfo.splitlines() if ":" in line]
    told = dict(reversed(lines))
    flags = (told.get("flags") or told.get("Features") or "").split()
    return {
        "processors": os.cpu_count(),
        "model": told.get("model name", "?"),
        "sha": "sha_ni" in flags or "sha2" in flags,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
    }


def markdown(results, names):
    """The whole report as one text."""
    host = results["machine"]
    sizes = results["sizes"]
    rounds = max(m["round"] for m in results["measurements"])
    parts = [
        f"{host['processors']} x {host['model']} {'with' if host['sha'] else 'without'} SHA instructions, "
        f"{host['memory_bytes'] / (1 << 30):.0f} GiB, Linux {host['kernel']}, load average {host['load_average']:.2f} before. "
        f"One at a time: {sizes['big_count']} x {sizes['big_bytes'] // MIB} MiB; "
        f"16 at once: {sizes['many_count']} x {sizes['many_bytes'] // MIB} MiB. "
        f"{rounds} round{'s' if rounds > 1 else ''}" + (": median (least to most)." if rounds > 1 else "."),
        "\n".join(f"- {name}: {results['versions'][name]}" for name in names),
        "**CPU time and memory of the server**",
        table(names, [*cpu_lines(results, names), *memory_lines(results, names)], ratios=True),
        "`~`: fewer than 10 clock ticks (0.1 s) of CPU time in a round, so a rough figure.",
        others(results),
        "**Speed seen by the client** (noisy: the client and the disk share the machine)",
        table(names, wall_lines(results, names), ratios=False),
    ]
    return "\n\n".join(parts)


def others(results):
    """How quiet the machine was."""
    rounds = {}
    for m in results["measurements"]:
        rounds.setdefault((m["round"], m["server"]), []).append(m)
    shares = [
        100 * sum(m["others_ticks"] for m in measured) / max(1, sum(m["machine_ticks"] for m in measured))
        for measured in rounds.values()
    ]
    return (
        "Processor time that went neither to server nor client (other processes, kernel threads, the hypervisor): "
        f"{min(shares):.0f} to {max(shares):.0f} % per server and round. The more, the less the figures mean."
    )


def table(names, lines, ratios):
    """Lines of (title, unit, which is better, {server: [value or None per round]}, {server: rough})."""
    peers = [name for name in names if name != OURS] if ratios and OURS in names else []
    header = ["", "unit", *names, *[f"{OURS} / {peer}" for peer in peers]]
    text = [header, ["---"] * 2 + ["---:"] * (len(header) - 2)]
    for title, unit, better, values, rough in lines:
        cells = [title, f"{unit}, {better} is better"]
        cells += [("~" if name in rough else "") + spread(values[name]) for name in names]
        cells += [ratio(values[OURS], values[peer]) for peer in peers]
        text.append(cells)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in text)


def cpu_lines(results, names):
    for row in ROWS:
        found = {name: measurements(results, name, row.key) for name in names}
        rough = {name for name in names if any(m["cpu_ticks"] < ROUGH_TICKS for m in found[name])}
        if row.unit == "bytes":
            values = {n: [1000 * m["cpu_seconds"] / (m["bytes"] / MIB) for m in found[n]] for n in names}
            yield row.title, "CPU ms per MiB", "less", values, rough
        else:
            values = {n: [per(m["operations"], m["cpu_seconds"]) for m in found[n]] for n in names}
            yield row.title, "requests per CPU s", "more", values, rough


def wall_lines(results, names):
    for row in ROWS:
        found = {name: measurements(results, name, row.key) for name in names}
        if row.unit == "bytes":
            values = {n: [m["bytes"] / MIB / m["wall_seconds"] for m in found[n]] for n in names}
            yield row.title, "MiB per s", "more", values, ()
        else:
            values = {n: [m["operations"] / m["wall_seconds"] for m in found[n]] for n in names}
            yield row.title, "requests per s", "more", values, ()


def memory_lines(results, names):
    for key, title in (("idle_bytes", "resident memory, idle"), ("peak_bytes", "resident memory, peak of the run")):
        values = {n: [m[key] / MIB for m in results["memory"] if m["server"] == n] for n in names}
        yield title, "MiB", "less", values, ()


def measurements(results, name, key):
    return [m for m in results["measurements"] if m["server"] == name and m["row"] == key]


def per(count, seconds):
    return count / seconds if seconds else None


def spread(values):
    if None in values:
        return "under one tick"
    median = figure(statistics.median(values))
    return median if len(values) == 1 else f"{median} ({figure(min(values))} to {figure(max(values))})"


def ratio(ours, theirs):
    if None in ours or None in theirs or not statistics.median(theirs):
        return "-"
    return f"{statistics.median(ours) / statistics.median(theirs):.2f}"


def figure(value):
    """Three digits that count, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
