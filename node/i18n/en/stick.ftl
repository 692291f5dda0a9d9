### The USB stick: bundles.

## What is refused

bundle-file = The file { $path } cannot be read or written: { $why }.
    .next = Check the stick (free room, write protection, path) and run it again; nothing was lost.
bundle-file-exists = The file { $path } is there already; it was left as it is.
    .rule = A bundle is never written over another file.
    .next = Choose another name with --out, or delete the old file first if it has been taken in.
bundle-too-many-parts = The bundle would have more than { $most } parts.
    .rule = A bundle has a bounded number of parts.
    .next = Choose larger parts with --part-mb.
bundle-not-a-bundle = { $path } is not a file of this program.
    .rule = Only files that "motcua" wrote for the stick can be taken in.
    .next = Check the file name.
bundle-newer = { $path } was written by a newer program (form { $found }; this one reads up to { $ours }). Nothing was taken in.
    .rule = A program takes in only forms that it knows.
    .next = Update the program on this machine, then take the file in again.
bundle-truncated = { $path } is not whole: its end is missing. Nothing was taken in.
    .rule = A file is taken in only when it is whole.
    .next = Copy it again; eject the stick before pulling it out.
bundle-damaged = { $path } is damaged or was changed on its way. Nothing was taken in.
    .rule = A file is taken in only as its sender signed it.
    .next = Copy it again. If that does not help, have the sender write a new one, and tell the province if it happens again.
bundle-unreadable = { $path } holds something that this program cannot read. Nothing was taken in.
    .rule = A program takes in only what it can read whole.
    .next = Update the program on both sides, then write a new bundle.
bundle-other-province = { $path } belongs to another province. Nothing was taken in.
    .rule = Machines exchange data within their own province only.
    .next = Check that it is the right stick.
bundle-other-machine = { $path } is sealed to another machine; this one cannot open it.
    .rule = Only the machine that a file is written for can read it.
    .next = See for whom it is with "motcua bundle inspect FILE", and take it there.
bundle-not-from-province = { $path } does not come from this province's server. Nothing was taken in.
    .rule = A commune's machine takes in bundles of its provincial server only.
    .next = Ask the province for a new bundle.
bundle-unknown-machine = { $path } comes from a machine that this province does not know ({ $node }).
    .rule = The province takes in data of machines that it has enrolled.
    .next = If a request for enrolment came with it, grant that first with "motcua enrol grant REQUEST --out FILE", then take this file in.
bundle-no-province-keys = This machine does not know its province's key yet, so it cannot seal anything for it.
    .rule = What leaves this machine on a stick can be read by the province only.
    .next = Let it call the province once ("motcua sync now"), then write the bundle.
bundle-to-banned = The machine { $node } is banned; nothing is written for it.
    .rule = A machine that is shut out gets nothing more (design: ban).
    .next = Give the seat another machine with "motcua enrol new".
bundle-busy = The province is too busy to state what it holds.
    .next = Run it again in a moment; nothing was written.
bundle-one-province = A commune's bundle always goes to its province.
    .rule = --node and --agency are for the provincial server.
    .next = Leave them out.
bundle-for-whom = It is not said for which machine the bundle is.
    .rule = The province writes each bundle for one machine.
    .next = Say it with --agency CODE or --node ID; see "motcua enrol list".
bundle-no-machine = The seat { $agency } has no active machine.
    .rule = A bundle is sealed to one enrolled machine.
    .next = Check the code; see "motcua enrol list".
bundle-other-part = { $path } is not the next part of this bundle. Nothing was taken in.
    .rule = The parts beside a bundle's first file are those of the same bundle.
    .next = Put the parts of each bundle into a folder of their own, or take them in one by one.
bundle-is-changes = { $path } holds a commune's data, meant for the province.
    .rule = A commune's bundle is taken in at the provincial server.
    .next = Take it to the province.
bundle-is-return = { $path } is the province's answer to a commune.
    .rule = The province's bundle is taken in at the commune's machine.
    .next = Take it to the commune.
bundle-is-for-init = { $path } is for setting a machine up.
    .rule = Packs and grants are no bundles.
    .next = Use it with "motcua commune init".
bundle-is-request = { $path } is a machine's request for enrolment.
    .rule = The province grants requests, it does not take them in.
    .next = At the province: "motcua enrol grant FILE --out ANSWER".
bundle-is-backup = { $path } is a backup.
    .rule = A backup is restored into an empty directory.
    .next = Use "motcua backup restore FILE".
bundle-kind-unknown = { $path } is of a kind that this program does not know.
    .rule = A program takes in only kinds that it knows.
    .next = Update the program on this machine.

## Conditions

bundle-gap = A bundle of the province goes on behind what this machine holds, so not all of it could be used. Nothing is lost.
    .next = Write a new bundle here ("motcua bundle export"), take it to the province, and take in the province's answer; or take in the earlier bundle, if there is one.

## What was done

done-bundle-changes = Written for the province: { $count } changes that it may not have yet.
done-bundle-return = Written for { $agency }: { $count } entries and the province's proof no. { $number }.
bundle-part = { $file } ({ $bytes } bytes)
bundle-carry = Whoever carries it needs no rights and can read nothing. Eject the stick before pulling it out.
bundle-older = This bundle is older than what is here. Nothing was changed.
bundle-nothing-new = Everything in this bundle is here already.
bundle-took-changes = Taken in: { $count } new changes. The answer with the proof: "motcua bundle export --agency CODE --out FILE".
bundle-took-return = Taken in: { $count } entries of the feed, { $items } publications of the province.
bundle-partial-changes = Not all of it could be used yet ({ $count } changes follow others that are not here). Nothing is lost: the machine's next bundle brings them again.
bundle-partial-return = Not all of it could be used yet, because something before it is not here. Nothing is lost: see "motcua sync status".
bundle-from-banned = The machine is banned: what it brought is kept and not applied.
bundle-kept = { $count } entries of this machine wait for a person's decision: "motcua quarantine list".
bundle-says = { $kind } { $bundle }, part { $part }
    from machine: { $from }
    for machine: { $to }
    written: { $at }
    size: { $bytes } bytes
bundle-is-last = It is the last part.
bundle-is-not-last = Further parts follow.
bundle-is-sealed = Its content is sealed; this machine cannot open it.
bundle-holds = Inside: { $changes } changes, { $feed } entries of the feed, { $items } publications.
bundle-kind-changes = Commune's bundle
bundle-kind-return = Province's bundle
bundle-kind-pack = Pack for a new machine
bundle-kind-request = Request for enrolment
bundle-kind-grant = Grant of an enrolment
bundle-kind-backup = Backup
bundle-kind-unknown-word = File of an unknown kind

## Enrolment without a line

pack-not-a-pack = { $path } is not a pack for a new machine.
    .rule = A machine without a line is set up by a pack and its token.
    .next = Ask the province for the file that "motcua enrol new --pack" wrote.
pack-other-token = { $path } does not belong to this token.
    .rule = A pack can be opened only with the token that was given out with it.
    .next = Check that file and token were given out together.
pack-expired = This pack was good until { $at }; this machine's clock says it is later.
    .rule = The code of a pack is good for a limited time.
    .next = Check this machine's clock. If it is right, ask the province for a new pack for the seat.
pack-not-a-request = { $path } is not a request for enrolment.
    .rule = The province grants the request that "motcua commune init --request" wrote.
    .next = Check the file name; see what it is with "motcua bundle inspect FILE".
pack-not-a-grant = { $path } is not the grant of an enrolment.
    .rule = A machine set up by a pack is completed by the province's grant.
    .next = Check the file name; see what it is with "motcua bundle inspect FILE".
machine-not-granted = This machine was set up without a line, and the province's grant has not come yet. It receives and processes dossiers; it cannot call the province.
    .rule = The province talks on the line to machines that it has certified.
    .next = Take the request to the province ("motcua enrol grant REQUEST --out FILE") and its answer back here ("motcua commune init --grant FILE"). Bundles can travel with them.
done-enrol-pack = Pack written for { $agency }. Its token, good for one machine until { $until }:
    { $token }
    Take the token apart from the file. On the seat's machine, run:
      motcua --dir DIR commune init --pack FILE --token TOKEN --request REQUEST
    Number series are set aside in it: the machine can receive dossiers at once. People who sign in are not in this version, so the pack holds no PIN.
done-enrol-grant = Granted: the machine { $node } of { $agency }.
    Take { $out } back to it and run there:
      motcua --dir DIR commune init --grant FILE
done-commune-pack = The machine of { $name } ({ $seat }) is set up and has the province's directory and number series.
    It receives and processes dossiers from now on, and writes bundles for the province. What does not work yet: calling the province.
    Next: take the request to the province; when its grant is here,
      motcua --dir { $dir } commune init --grant FILE

## Backups

bundle-is-for-restore = { $path } belongs to restoring a backup on another computer; it brings no dossiers.
    .rule = The request goes to the province, the answer back to the computer that asked.
    .next = At the province: "motcua enrol grant FILE --out FILE". At the office: "motcua backup restore BACKUP --grant FILE".
backup-running = Another backup is being made or checked in { $path }.
    .next = Wait until it is done and run it again.
backup-not-empty = The directory { $path } is not empty; nothing was restored.
    .rule = A backup is restored into an empty directory, or into one that has only the machine's own "identity" folder.
    .next = Name a new directory with --dir. Keep the old one: what stands in it may be newer than the backup.
backup-machine-works = This machine ({ $node }) is at work on this computer; nothing was restored.
    .rule = One machine works from one directory.
    .next = Stop its "motcua serve" and every other command of it, then run this again.
backup-needs-keys = No keys are here that open { $path }.
    .rule = A backup is sealed to its machine and to its province.
    .next = Name with --keys the machine's old directory (or a copy that has its "identity" folder). Without one: "motcua backup restore FILE --request REQUEST", take the request to the province, and restore with --grant.
backup-own-keys-only = Only its own machine can open { $path }: the province's key was not known there.
    .rule = A backup is sealed to its machine and, once that has heard of the province's key, to the province.
    .next = Name with --keys the machine's old directory (or a copy of its "identity" folder).
backup-part-missing = The part { $path } of this backup is not here.
    .rule = A backup is restored from all its parts.
    .next = Put all parts into one folder under their names and run it again.
backup-not-a-backup = { $path } is not a backup.
    .rule = Only a file that "motcua backup create" wrote can be restored.
    .next = See what it is with "motcua bundle inspect FILE".
backup-not-a-grant = { $path } is not the province's answer to a request to restore.
    .rule = On a computer without keys, a backup is restored by the province's answer.
    .next = See what the file is with "motcua bundle inspect FILE".
backup-not-asked = No request was written from { $path }.
    .rule = The answer opens the backup only where the request was written.
    .next = Name with --dir the directory from which you asked, or ask again: "motcua backup restore FILE --request REQUEST".
backup-grant-other = { $path } is of another backup than the answer is for.
    .rule = The province's answer opens one backup.
    .next = Restore the backup that the request was written for, or ask again for this one.
backup-machine-unknown = { $path } does not show a backup of a machine that this province has certified.
    .rule = The province opens backups of its own communes' machines only.
    .next = If the machine was set up by a pack and never granted, restore the backup here with --keys and the province's directory.
backup-machine-banned = The machine { $node } of this backup is banned.
    .rule = A banned machine is not put back.
    .next = Enrol another machine for the seat ("motcua enrol new"). To look at what only the backup holds, restore it at the province with --keys and the province's directory, and take in a bundle of it.
done-backup-create = Backup of { $agency } as it stood at { $at } ({ $position } entries). Keep it away from this machine.
backup-only-own-keys = Only this machine's own keys open it: keep a copy of its "identity" folder in a safe, apart from the backup. On a provincial server that folder holds the authority's key: whoever has it is the province.
done-backup-verify = The backup of { $agency } of { $at } is whole: all parts, signatures, files and the database ({ $position } entries).
done-backup-verify-outside = The backup of machine { $node } of { $at } is whole: all parts are here as the machine signed them.
    Its content was not looked at: no keys to it are here. Name with --keys a directory that has them.
done-backup-restore = Restored: { $agency } as it stood at { $at } ({ $position } entries, machine { $node }).
    What it had sent since then comes back from the province. Next: "motcua serve", then "motcua sync status".
    If another copy of this machine still runs anywhere, stop it first.
backup-new-series = It goes on in new number series: { $series }.
backup-no-series = This computer's witness file does not say how far its numbers had come: it gives numbers again when the province has sent a new series (with the next session or bundle).
backup-findings = The database has { $count } faults, which it had when the backup was made:
backup-copying = Copying the database: { $percent } %
backup-writing = Sealing and writing: { $percent } %
backup-reading = Opening and checking: { $percent } %
done-backup-request = Request written to { $request }, for the backup of machine { $node } of { $at }. Nothing is restored yet.
    Take it to the province ("motcua enrol grant REQUEST --out FILE"). They will ask for this code: { $code }
    Then run, with the same --dir: motcua backup restore BACKUP --grant FILE
done-restore-grant = The backup of { $agency } of { $at } (machine { $node }) may be opened by whoever wrote this request.
    Before you hand the file over, ask the office by telephone for the code on its screen. It must be: { $code }
    At the office: motcua backup restore BACKUP --grant { $out }
bundle-kind-restore-request = Request to open a backup
bundle-kind-restore-grant = Leave to open a backup
