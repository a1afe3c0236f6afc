"""The report's tables of the component: everything by ratio to the native server in the same run."""

import statistics

import cold_start
import report
import rows
import swift_report
import swift_store
from component import Component, ComponentOnce

NATIVE, OURS, ONCE = report.OURS, Component.name, ComponentOnce.name
MIB = rows.MIB
KIB = 1 << 10
HEADER = ("", "unit", "native", "component", "component / native", "an instance per request", "that / native")


def markdown(results):
    """The whole part on the component as one text."""
    on_files, on_swift = "measurements" in results, "swift" in results
    versions = results["versions"] if on_files else results["swift"]["versions"]
    lines, parts = [], ["**The component in wasmtime against the native server**"]
    parts.append("\n".join(f"- {name}: {versions[name]}" for name in (NATIVE, OURS, ONCE) if name in versions))
    if on_files:
        lines += [*files_lines(results), *memory_lines("on files", results["memory"])]
    if on_swift:
        lines += [*swift_lines(results["swift"]), *memory_lines("on Swift", results["swift"]["memory"])]
    parts += [headline(lines), "\n".join(markdown_row(cells) for cells in (HEADER, rule(HEADER), *map(cells_of, lines)))]
    parts += ["**Memory per running upload**", uploads_table(results), "**Cold start**", starts_table(results["cold_start"])]
    return "\n\n".join(part for part in parts if part)


def headline(lines):
    """CPU time of what moves bytes, in one sentence."""
    found = {(title, unit): rough_mark(rough, NATIVE, OURS) + ratio(values, OURS) for title, unit, _, values, rough in lines}
    wanted = [
        ("pull on files", "on files: pull, one at a time", "CPU ms per MiB"),
        ("pull on Swift", "on Swift: pull of the large blob", "CPU ms"),
        ("push on files", "on files: push, chunked PATCH, one at a time", "CPU ms per MiB"),
        ("push on Swift", "on Swift: push of the large blob", "CPU ms"),
    ]
    told = [f"{name} {found[title, unit]}" for name, title, unit in wanted if (title, unit) in found]
    return "CPU time of the component by that of the native server: " + ", ".join(told) + "."


def files_lines(results):
    """(title, unit, better, {server: values}, servers whose values are rough) of every row on a directory."""
    for row in rows.ROWS:
        found = {name: report.measurements(results, name, row.key) for name in (NATIVE, OURS, ONCE)}
        rough = {"cpu_seconds": {n for n, ms in found.items() if any(m["cpu_ticks"] < report.ROUGH_TICKS for m in ms)}}
        title = f"on files: {row.title}"
        if row.unit == "bytes":
            for unit, key in (("CPU ms per MiB", "cpu_seconds"), ("wall ms per MiB", "wall_seconds")):
                values = {n: [1000 * m[key] * MIB / m["bytes"] for m in ms] for n, ms in found.items()}
                yield title, unit, "less", values, rough.get(key, ())
        else:
            for unit, key in (("requests per CPU s", "cpu_seconds"), ("requests per s", "wall_seconds")):
                values = {n: [report.per(m["operations"], m[key]) for m in ms] for n, ms in found.items()}
                yield title, unit, "more", values, rough.get(key, ())


def swift_lines(results):
    """The same on Swift."""
    for row in swift_store.ROWS:
        units = (("CPU ms", swift_report.cpu), ("wall ms", swift_report.wall), ("requests to Swift", swift_report.requests))
        for unit, value in units:
            names = (NATIVE, OURS, ONCE)
            values = {name: value(results, name, row.key) for name in names}
            rough = {n for n in names if value is swift_report.cpu and swift_report.is_rough(results, n, row.key)}
            yield f"on Swift: {row.title}", unit, "less", values, rough


def memory_lines(where, memory):
    for key, title in (("idle_bytes", "resident memory, idle"), ("peak_bytes", "resident memory, peak of the run")):
        values = {name: [m[key] / MIB for m in memory if m["server"] == name and key in m] for name in (NATIVE, OURS)}
        if values[OURS]:
            yield f"{where}: {title}", "MiB", "less", values, ()


def cells_of(line):
    title, unit, better, values, rough = line
    native, ours, once = (rough_mark(rough, name) + cell(values.get(name)) for name in (NATIVE, OURS, ONCE))
    return title, f"{unit}, {better} is better", native, ours, ratio(values, OURS), once, ratio(values, ONCE)


def cell(values):
    if values and None not in values and len(set(values)) == 1 and values[0] == int(values[0]) < 1000:
        return str(int(values[0]))
    return report.spread(values) if values else "-"


def rough_mark(rough, *names):
    return "~" if set(names) & set(rough) else ""


def ratio(values, name):
    ours, native = values.get(name), values[NATIVE]
    return report.ratio(ours, native) if ours and native else "-"


def uploads_table(results):
    """What each upload more takes, held halfway, and at the peak of all."""
    header = ("", "uploads at once", "idle, MiB", "held halfway, KiB per upload", "peak, KiB per upload")
    text = [header, rule(header)]
    for where, found in (("on files", results), ("on Swift", results.get("swift", {}))):
        for one in found.get("uploads", ()):
            each = [f"{(one[key] - one['idle_bytes']) / one['uploads'] / KIB:,.0f}" for key in ("held_bytes", "peak_bytes")]
            shape = f"{one['uploads']} x {one['upload_bytes'] // MIB} MiB"
            text.append((f"{one['server']} {where}", shape, report.figure(one["idle_bytes"] / MIB), *each))
    return "\n".join(map(markdown_row, text)) if len(text) > 2 else ""


def starts_table(measured):
    """Every form: how large it is, how long a start takes, and what is resident after it."""
    header = ("", "size, MiB", "first answer, wall ms", "CPU ms until then", "resident then, MiB")
    text = [header, rule(header)]
    for form in cold_start.FORMS:
        starts = [start for start in measured["starts"] if start["form"] == form]
        if starts:
            size = report.figure(measured["sizes"][form] / MIB)
            wall = report.spread([1000 * start["seconds"] for start in starts])
            cpu = figure_or_none(statistics.median(1000 * start["cpu_seconds"] for start in starts))
            text.append((form, size, wall, cpu, report.figure(statistics.median(start["resident_bytes"] for start in starts) / MIB)))
    return "\n".join(map(markdown_row, text))


def figure_or_none(milliseconds):
    return report.figure(milliseconds) if milliseconds else "under one tick"


def rule(header):
    return ["---"] * 2 + ["---:"] * (len(header) - 2)


def markdown_row(cells):
    return "| " + " | ".join(cells) + " |"
