### What the commands answer, for people. Times dd/MM/yyyy HH:mm, money 8.000 đ.

## Everywhere

never = never
watermark-line = *** { $watermark } ***
agency-named = { $name } ({ $code })
officer-named = { $name } ({ $code })

## A dossier's national status

status-0 = Not received
status-1 = New
status-2 = Received
status-3 = Not accepted
status-4 = In process
status-5 = Supplement asked
status-6 = Payment asked
status-7 = Withdrawn
status-8 = Stopped
status-9 = Done
status-10 = Result returned

## Acts

kind-receive = Receive
kind-mark = Mark by the province
kind-register-online = Register an online dossier
kind-accept-online = Accept an online dossier
kind-ask-before-receipt = Ask before receiving
kind-refuse-receipt = Refuse to receive
kind-assign = Assign
kind-move-step = Move to a step
kind-transfer = Transfer to the competent agency
kind-take-over = Take over
kind-decline = Decline a transfer
kind-recall = Take back
kind-hand-over-external = Hand over to an external agency
kind-receive-result-external = Receive an external result
kind-take-back-external = Take back from an external agency
kind-reassign = Reassign by the province
kind-request-supplement = Request a supplement
kind-receive-supplement = Receive a supplement
kind-expire-supplement = Supplement overdue
kind-request-payment = Request payment
kind-confirm-payment = Confirm payment
kind-waive-fee = Waive the fee
kind-refund = Refund
kind-cancel-receipt = Cancel a money receipt
kind-request-withdrawal = Request withdrawal
kind-accept-withdrawal = Accept withdrawal
kind-stop = Stop
kind-resume = Resume
kind-extend = Apologise and extend
kind-submit-for-signature = Submit for signature
kind-sign = Sign
kind-issue = Issue
kind-finish = Finish
kind-receive-result = Receive the paper result
kind-return-result = Return the result
kind-send-by-post = Send the result by post
kind-note = Note
kind-attach-paper = Attach a paper
kind-correct-field = Correct a field
kind-attest = Attest by a leader
kind-link = Link dossiers
kind-rate = Rate satisfaction
kind-settle = Settle a difference
kind-replace-number = Replace the number
kind-send-paper = Send the paper file
kind-receive-paper = Receive the paper file

standing-repeated = repeated, counts once
standing-too-late = too late
standing-void = void
standing-contested = contested
standing-set-aside = set aside
standing-unknown = cannot be computed here

## Where a dossier is

custody-held = { $holder }
custody-in-transit = on its way from { $from } to { $to }
custody-outside = { $agency } (handed over by { $by })
custody-to-return = decided, to be returned at { $place }
custody-closed = nobody; the dossier is closed

## Creating and enrolling machines

done-province-init = The provincial server { $name } is created. Directory version 1 is in force at once.
    Machine: { $node }
    Next:
      motcua --dir { $dir } serve
      motcua --dir { $dir } enrol new --agency SEAT_CODE --address THIS_HOST:4272
done-commune-init = The machine of { $name } ({ $seat }) is enrolled and has the province's directory.
    From now on it receives and processes dossiers, with or without a line.
    Next:
      motcua --dir { $dir } serve
done-enrol-new = Enrolment token for { $agency }, good for one machine until { $until }:
    { $token }
    On the seat's machine, run:
      motcua --dir DIR commune init --token TOKEN
done-enrol-list = { $count ->
        [one] 1 machine.
       *[other] { $count } machines.
    }
enrol-line = { $agency }  machine { $node }  last contact: { $last }
enrol-line-banned = { $agency }  machine { $node }  BANNED since { $at }: { $why }
done-enrol-ban = The machine { $node } of { $agency } is banned: the province hears it no more. What was accepted of it stays.
enrol-ban-suspect = Dossiers with work of it that arrived since { $from }, to be looked at by a person: { $count }.
enrol-ban-marked = { $number }: marked for review
enrol-ban-unmarked = { $number }: could not be marked, look at it too
enrol-ban-kept = Kept and not applied of it: { $count }. Decide with "motcua quarantine list" and "motcua quarantine release --machine { $node }".
enrol-ban-codes = Unused enrolment tokens of this seat that no longer work: { $count }.
enrol-ban-next = To give the seat another machine, run on this server:
      motcua enrol new --agency { $code } --address THIS_HOST:4272
enrol-ban-basis = The province banned the machine that recorded these acts: { $why }. A person looks at them; until then they count.

serve-ready-province = The provincial server is running; communes reach it at { $address }. Ctrl+C stops it.
serve-ready-commune = The commune's machine is running and exchanges with the province whenever there is a line. Ctrl+C stops it.
serve-ready-no-sync = The commune's machine is running and never calls the province (--no-sync). Ctrl+C stops it.
serve-stopped = Stopped. Everything that was written is kept.

## The directory

directory-fault-line = { $message } (field: { $field })
directory-faults = { $count ->
        [one] 1 fault.
       *[other] { $count } faults.
    } Nothing was imported.
directory-summary = Directory of { $name }: { $agencies } agencies, { $procedures } procedures, { $officers } officers.
    Hash: { $hash }
directory-checked = No faults.
directory-in-force = Version { $version }, in force since { $at }.
directory-imported = Imported as draft. Publish it with "motcua directory publish".
directory-published = Directory version { $version } is published, in force from { $at }.

## Dossiers

done-lodge = Received. Dossier number: { $number }
    Due on: { $due }
    Look-up code: { $code }
    Fee: { $fee }
done-act = { $number }: written. Status: { $status }. Held by: { $custody }.
done-lines = { $done } written, { $refused } refused.
due-none = the procedure has no term
done-list = { $count ->
        [one] 1 dossier.
       *[other] { $count } dossiers.
    }
done-list-part = { $shown } of { $matching } dossiers shown.
list-needs-person = NEEDS A PERSON
list-heading-number = Dossier number
list-heading-due = Due on
list-heading-holder = Held by
list-heading-status = Status
list-heading-owner = Owner

show-procedure = Procedure
show-receiving = Receiving unit
show-competent = Settling unit
show-return-at = Return place
show-custody = Held by
show-assignee = Officer in charge
show-received = Received on
show-due = Due on
show-finished = Finished on
show-returned = Returned on
show-code = Look-up code
show-ladder = How far it has got
show-fields = Content
show-papers = Papers
show-acts = History
show-items = Needs a person
show-paper = { $name } ({ $kind }, { $count ->
        [one] 1 copy
       *[other] { $count } copies
    })
show-act-id = act id: { $id }
show-note = note: { $note }
show-reason = reason: { $reason }
show-basis = basis: { $basis }
show-to = to: { $to }
show-assigned = to: { $assignee }
show-step = step: { $step }
step-named = { $name } ({ $code })
show-result-granted = result: granted
show-result-refused = result: refused
show-changed-field = field: { $field }
show-occurred = really happened: { $at }
show-historic = entered afterwards
show-not-computable = A newer program wrote a part of this dossier; its state cannot be computed here. Update the program.

paper-kind-original = original
paper-kind-copy = copy
paper-kind-electronic = electronic copy
paper-kind-shown = shown only

ladder-saved = Saved on this office's machine
ladder-at-province = At the province
ladder-proved = At the province (province's proof no. { $proof })
ladder-taken-over = Taken over by { $seats }
ladder-taken-over-nobody = Taken over by the settling unit
ladder-decided = Decided
ladder-returned = Result returned
ladder-not-yet = { $step } (not yet)

item-contested-acts = Acts done apart exclude each other. { $settle_by ->
        [none] The province
       *[other] { $settle_by } or the province
    } chooses the side that counts with settle.
item-contested-field = The field "{ $field }" has { $count } different values. The holder chooses one with settle.
item-duplicate-number = { $count } dossiers carry this number (the machine had been copied). Ask the province for a replacement number.

## A dossier's fields

box-summary = Summary
box-kind = Kind of owner
box-name = Full name
box-id-type = Kind of id
box-id-no = Id number
box-dob = Date of birth
box-sex = Sex
box-phone = Phone
box-email = E-mail
box-address-text = Address
box-address-commune = Commune code
box-address-province = Province code
box-authorisation = Authorisation
box-of-owner = Owner – { $box }
box-of-submitter = Submitter – { $box }

## The exchange with the province

done-sync-converged = This machine and the province hold the same. { $proof ->
        [none] The province has sent no proof.
       *[other] Province's proof no. { $proof } of { $at }.
    }
    Sent { $sent } entries, received { $received } entries ({ $bytes_up } bytes up, { $bytes_down } bytes down).
done-sync-compared = All entries of other machines were compared one by one with the province; what was missing here has come.
done-sync-partial = Not everything is exchanged yet; nothing is lost and the rest follows.
    Sent { $sent } entries, received { $received } entries ({ $bytes_up } bytes up, { $bytes_down } bytes down). { $proof ->
        [none] There is no proof of the province yet.
       *[other] The province's last proof: no. { $proof } of { $at }.
    }
sync-online = Connected to the province.
sync-offline = No line to the province. Go on receiving, printing and returning as usual.
sync-fault = The last call: { $text }
sync-not-serving = "motcua serve" is not running on this directory, so nothing is sent by itself. Send once with "motcua sync now".
sync-is-province = This is the provincial server: the communes' machines call here.
sync-waiting = Waiting to be sent: { $count ->
        [one] 1 dossier
       *[other] { $count } dossiers
    } (changes: { $changes }), oldest since { $since }. All of it is safe on this machine.
sync-all-proved = The province has everything as of { $at }.
sync-nothing = There is nothing to send.
sync-proof = The province's last proof: no. { $number } of { $at }.
sync-no-proof = There is no proof of the province yet.
sync-kept = Of what this machine sent, the province has { $waiting } items waiting for earlier ones, { $quarantined } kept for a person's decision, { $refused } refused.
sync-person = { $count ->
        [one] 1 dossier needs
       *[other] { $count } dossiers need
    } a person: "motcua dossier list --needs-person".
sync-nobody = No dossier needs a person.
sync-condition = NOTE, since { $since }: { $text }

## What the province keeps and does not apply

done-condition-dismiss = { $count ->
    [one] One condition was taken away.
   *[other] { $count } conditions were taken away.
}
done-quarantine-refuse = Item { $id } is refused. The machine that sent it learns it at its next sync and goes on without it.
done-quarantine-list = { $count ->
        [one] 1 item.
       *[other] { $count } items.
    }
quarantine-line = Item { $id }, arrived { $at }, from { $seat }, { $state }: { $reason }
quarantine-waits = kept
quarantine-refused = refused
quarantine-machine-unknown = a machine not known
done-quarantine-void = { $count ->
        [one] 1 item is
       *[other] { $count } items are
    } applied and marked void.
done-quarantine-release = { $count ->
        [one] 1 item is
       *[other] { $count } items are
    } applied.
quarantine-released-waits = Item { $id } now waits for what it builds on and is applied when that comes or is released.
quarantine-released-kept = Item { $id } stays kept: { $reason } To apply it nevertheless, release it again by its id.
quarantine-released-refused = Item { $id } cannot be applied: { $reason }
quarantine-void-basis = Decided by the province: kept data is applied and marked void.

## Checks

done-verify-clean = Checked: nothing differs.
done-verify-findings = Found { $count ->
        [one] 1 difference:
       *[other] { $count } differences:
    }
done-verify-reissued = { $count ->
        [one] 1 change
       *[other] { $count } changes
    } of a log that had forked, or behind a refused one, stand again under another log; "motcua dossier show" names the acts' earlier ids.
done-rebuild = Rebuilt the views of { $count ->
        [one] 1 dossier
       *[other] { $count } dossiers
    } from the log.

## Values of fields

value-citizen = citizen
value-business = business
value-organisation = organisation
value-household = household
value-agency = government agency
value-cccd = citizen card
value-passport = passport
value-child = a child's personal number
value-other = another paper
