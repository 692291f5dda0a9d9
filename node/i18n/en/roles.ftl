### Roles, the running program, files and the operating system.

## Roles and the province

commune-only = This command is for a commune's machine; this directory is a provincial server's.
    .rule = Communes call the province; the provincial server calls nobody.
    .next = Run it on the commune's machine, or check --dir.
province-only = This command is for the provincial server; this directory is a commune's.
    .rule = The directory, enrolment and quarantine are the province's to decide.
    .next = Run it on the provincial server, or check --dir.
province-code-level = This is not the code of a province.
    .rule = A province's code has no dot, such as H27 (Decision 20/2020/QĐ-TTg).
    .next = Correct --code and run it again.
province-code-differs = This directory belongs to the province with the code { $code }.
    .rule = A provincial server uses its own province's directory.
    .next = Choose the right directory file, or correct --code while creating the server.
directory-no-draft = There is no draft directory to publish.
    .rule = A directory is imported as a draft before it is published.
    .next = Import a file with "motcua directory import FILE", then publish.
enrol-no-machine = The province knows no machine "{ $node }".
    .rule = A machine is named by its id: 32 hex digits.
    .next = See the machines with "motcua enrol list".
enrol-ban-already = This machine is banned since { $at }; nothing was changed.
    .rule = A machine is banned once, for good; a second reason or suspect time would have no effect.
    .next = See it with "motcua enrol list"; give the seat another machine with "motcua enrol new".
enrol-ban-why = The reason is empty or longer than { $most } bytes.
    .rule = A ban goes to all machines of the province and is kept for ever; it states why, without personal data.
    .next = Give a short reason with --why.
enrol-ban-suspect-future = The time in --suspect-from is still to come.
    .rule = Suspect is what arrived from a time on until now; what comes later is kept out anyway.
    .next = Correct --suspect-from, or leave it out.
enrol-address = "{ $address }" is not a server's address.
    .rule = An address is HOST:PORT, such as 203.0.113.5:4272 or province.example:4272.
    .next = Correct --address and run it again.

## The running program

control-busy = The program that serves this directory has too many requests at once.
    .next = Wait a few seconds and run it again; nothing was written.
control-version = The program that serves this directory has another version than this command.
    .next = Stop "motcua serve" and start it again with the newer version; nothing was written.
control-broken = The program that serves this directory stopped answering halfway.
    .next = See with "motcua dossier list" what was written and send the rest again; a line with its request_id is never written twice.
control-socket = The place for commands in the data directory cannot be opened: { $why }.
    .next = Check the disk and the directory's permissions and run it again.
office-served = "motcua serve" is running on this directory.
    .rule = This command needs the directory to itself.
    .next = Stop "motcua serve", run this command, then start it again.
no-threads = The operating system gives this program no further thread.
    .next = Close other programs or restart the machine.

## Files and input

file-unreadable = The file { $file } cannot be read: { $why }.
    .next = Check its name and its permissions.
line-not-utf8 = This line is not UTF-8 text.
    .rule = Lines are UTF-8 text.
    .next = Save the file as UTF-8 and send this line again; the others are not affected.

line-unreadable = The lines that were sent cannot be read further.
    .rule = Lines are UTF-8 text.
    .next = Check the file or the sender; answered lines are written, send the rest again.

## Reasons of the operating system, by Linux's error numbers

os-error-1 = it is not permitted
os-error-2 = there is no such file or directory
os-error-5 = the device failed to read or write
os-error-11 = resources are short for the moment
os-error-12 = there is no memory left
os-error-13 = permission is denied
os-error-17 = it exists already
os-error-20 = a part of the path is not a directory
os-error-21 = it is a directory, not a file
os-error-24 = too many files are open
os-error-27 = the file is too large
os-error-28 = the disk is full
os-error-30 = the disk can only be read
os-error-36 = the name is too long
os-error-98 = another program uses the port
os-error-99 = the address is not this machine's
os-error-101 = the network there cannot be reached
os-error-111 = the other side refuses connections
os-error-122 = the disk quota is used up
