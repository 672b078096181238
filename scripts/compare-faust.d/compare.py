"""Sends the same orders through orderflow on NATS and through Faust on Kafka, in turn, and prints what came of it."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from processes import Failed
from rounds import Orders, kill, measure, say

ROOT = Path(__file__).resolve().parents[2]


def table(head, rows):
    """As Markdown."""
    say("| " + " | ".join(head) + " |")
    say("|" + "---|" * len(head))
    for row in rows:
        say("| " + " | ".join(str(cell) for cell in row) + " |")


def shown(values):
    middle = statistics.median(values)
    return f"{middle:,.0f}" if len(values) == 1 else f"{middle:,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def print_rounds(names, rounds):
    say("\nmedians and ranges of the rounds; all the records: decided, a notification stored, and counted\n")
    broker = {name: next(key for key in rounds[name][0] if key.startswith("µs "))[3:] for name in names}

    def row(text, value):
        return [text, *(shown([value(one, broker[name]) for one in rounds[name]]) for name in names)]

    table(["", *names], [
        row("orders/s, first publish to all decided", lambda one, _: one["decided/s"]),
        row("orders/s, first publish to all the records", lambda one, _: one["all/s"]),
        row("CPU an order, µs", lambda one, broker: one[f"µs {broker}"] + one["µs worker"]),
        row("of that the broker", lambda one, broker: one[f"µs {broker}"]),
        row("of that the worker", lambda one, _: one["µs worker"]),
        row("RSS of the broker at the end, MB", lambda one, broker: one[f"MB {broker}"]),
        row("RSS of the worker at the end, MB", lambda one, _: one["MB worker"]),
    ])


def print_faults(names, found, orders):
    say(f"\n{orders} orders; orders that are lost or doubled\n")
    keys = list(found[names[0]])
    show = lambda value: f"{value:.0f}" if isinstance(value, float) else value
    table(["", *names], [[key, *(show(found[name][key]) for name in names)] for key in keys])


def print_versions(program):
    """Of everything that is compared."""
    from importlib.metadata import version

    def first_line(*command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
        return done.stdout.splitlines()[0]

    ours = [first_line(program, "--version"), first_line(nats_server(), "--version")]
    faust = [f"{name} {version(name)}" for name in ("faust-streaming", "aiokafka", "rocksdict")]
    theirs = [*faust, f"Python {sys.version.split()[0]}", "Kafka 4.3.1", first_line("java", "-version")]
    say(f"{', '.join(ours)}\n{', '.join(theirs)}")


def nats_server():
    return os.environ.get("NATS_SERVER_BIN", "nats-server")


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/compare-faust", description=__doc__)
    parser.add_argument("--orders", type=int, default=50_000, help="orders of a round (50000)")
    parser.add_argument("--warm-up", type=int, default=15_000, help="orders before them, which are not measured (15000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each side, in turn (3)")
    parser.add_argument("--kills", type=int, default=10, help="kills of each side's worker in a last round; 0: none (10)")
    parser.add_argument("--guarantee", choices=["at_least_once", "exactly_once", "both"], default="both",
                        help="processing_guarantee of Faust (both, in turn)")
    parser.add_argument("--seed", type=int, default=1, help="decides when workers are killed (1)")
    parser.add_argument("--keep", action="store_true", help="keep logs and stores in target/compare-faust/run")
    found = parser.parse_args()
    for name in ("orders", "warm_up", "rounds"):
        if getattr(found, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    if found.kills < 0:
        parser.error("--kills must be at least 0")
    return found


def sides(args, tools, program):
    """What makes each side in a folder, by its name in the tables. orderflow comes first: it makes the orders."""
    # Not above: --help needs none of what they import.
    from faust_side import FaustSide
    from orderflow_side import OrderflowSide

    stack = (ROOT / "stack.yml").read_text()
    made = {OrderflowSide.name: lambda folder: OrderflowSide(folder, program, nats_server(), stack)}
    guarantees = ["at_least_once", "exactly_once"] if args.guarantee == "both" else [args.guarantee]
    for guarantee in guarantees:
        name = f"{FaustSide.name}, {guarantee}"
        made[name] = lambda folder, guarantee=guarantee: FaustSide(folder, tools, guarantee)
    return made


def main():
    args = arguments()
    if "COMPARE_FAUST_TOOLS" not in os.environ:
        return  # Nothing is installed yet; only the options were to be looked at.
    tools, program = Path(os.environ["COMPARE_FAUST_TOOLS"]), os.environ["COMPARE_FAUST_ORDERFLOW"]
    made, orders = sides(args, tools, program), Orders(args.warm_up, args.orders)
    work, rounds, found, killed = tools / "run", {name: [] for name in made}, {}, {}
    print_versions(program)

    def run(name, what, act):
        folder = work / what / name.replace(", ", "-").replace(" ", "-")
        folder.mkdir(parents=True)
        side = made[name](folder)
        try:
            return act(side)
        finally:
            side.stop()
            if not args.keep:
                shutil.rmtree(folder / "store", ignore_errors=True)

    shutil.rmtree(work, ignore_errors=True)
    for number in range(args.rounds):
        for name in made:
            row, wrong = run(name, f"round-{number + 1}", lambda side: measure(side, orders))
            rounds[name].append(row)
            found[name] = wrong
            say(f"round {number + 1}, {name}: {row['decided/s']:,.0f} decided/s, {row['all/s']:,.0f} with all the records; "
                f"load {os.getloadavg()[0]:.0f}")
    if args.kills:
        for name in made:
            killed[name] = run(name, "kills", lambda side: kill(side, orders, args.kills, args.seed))
    print_rounds(list(made), rounds)
    print_faults(list(made), found, orders.count)
    if killed:
        say(f"\nwith {args.kills} kills of the worker (signal 9)")
        print_faults(list(made), killed, orders.count)
    if not args.keep:
        shutil.rmtree(work)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"compare-faust: {failed}")
    except KeyboardInterrupt:
        sys.exit("compare-faust: stopped")
