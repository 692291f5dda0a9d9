### The exchange with the province: why a session does not end well, and conditions a person should know of.

sync-failed = The session with the province stopped because one side did not understand the other. Nothing is lost.
    .rule = Each side writes only what it could check.
    .next = Nothing to do now: this machine calls again by itself. If it happens again, run "motcua verify" and tell the province.
sync-store = The session stopped because this machine could not read or write its data: { $why }
    .rule = Data is confirmed only after it is durable on the disk.
    .next = Check the disk, then run "motcua verify".
sync-partial = The session has not sent or fetched everything. Nothing is lost.
    .rule = What was confirmed is not sent again.
    .next = Nothing to do: this machine goes on; or run "motcua sync now" again.
sync-bye-version = This machine's program and the province's have no version in common, so they cannot exchange.
    .rule = Both sides need a version in common.
    .next = Update the program on the older side; go on receiving meanwhile.
sync-bye-wrong-province = The server that answered belongs to another province.
    .rule = A machine exchanges only with the province that enrolled it.
    .next = Check the provincial server's address and tell the province's administrator.
sync-bye-unknown-machine = The province does not know this machine.
    .rule = The province exchanges only with machines it enrolled.
    .next = Tell the province's administrator: the server may have been restored from an older backup. This machine's data is whole.
sync-bye-banned = The province has banned this machine. Its dossiers are still here.
    .rule = What the province accepted before stays.
    .next = Receive nothing more on this machine and delete nothing from it. Tell the province's administrator how many dossiers wait here; they can be handed in from this machine's disk with a later version (USB bundles).
sync-bye-not-my-seat = The province does not let this machine work for the seat in its certificate.
    .rule = A machine works only for the seat in its certificate.
    .next = Tell the province's administrator: the seat may have been merged or given another machine.
sync-bye-busy = The provincial server is too busy.
    .rule = The province serves a bounded number of machines at a time.
    .next = Nothing to do; this machine calls again by itself.
sync-bye-full = The province keeps too much of this machine's data waiting for a person and takes no more for now.
    .rule = What is kept and not applied is bounded for each machine.
    .next = Ask the province to work off "motcua quarantine list"; go on receiving, what waits is safe here.
sync-bye-difference = This machine and the province do not agree on what was sent.
    .rule = While the two sides differ, neither confirms.
    .next = Run "motcua verify" on this machine and tell the province. No dossier is lost.
sync-bye-protocol = The province stopped because it received data that break the rules.
    .rule = Such data are dropped and nothing is written.
    .next = Update the program on both sides; if that does not help, tell the province's administrator.
sync-bye-shutdown = The provincial server is stopping or starting again.
    .rule = What was not sent is kept for the next time.
    .next = Nothing to do; this machine calls again by itself.

## Conditions

forked-log = One log has two different continuations (log { $subject }): the machine was copied while it was running. The one that reached the province first stays.
    .next = Find and stop the copy, let one machine run, and tell the province. Delete nothing: the dossiers of both are still there.
machine-banned = The province has banned this machine; this machine has known it since then. What the province had accepted stays; what waits to be sent is whole on this disk and cannot be sent from here.
    .next = Receive nothing more on this machine and delete nothing from it. Tell the province's administrator how many dossiers wait here; they can be handed in from this machine's disk with a later version (USB bundles).
digest-differs = What this machine received does not match the province's digest (at position { $position }).
    .next = Run "motcua verify" and tell the province. Go on receiving; the province gives no proof until both agree.
foreign-log = Machine { $subject } sent logs of another machine; the province kept { $logs } of them and did not apply them.
    .next = See "motcua quarantine list", find out about that machine, then decide each item.
province-full = The province keeps so much of this machine's data for a person's decision that it takes no more for now. Everything is safe on this machine.
    .next = Go on receiving; ask the province to work off "motcua quarantine list".
machine-full = So much of the data of the machine of { $seat } is kept and not applied that no more is taken of what cannot be applied.
    .next = See "motcua quarantine list", find out about that machine, then decide each item or the whole machine (--machine).
