# Dossier: why an act counts, does not count yet, or cannot be done. `.past` is how the history says it.

act-not-holder = { $holder ->
        [none] The dossier is closed and nobody holds it, so "{ $act }" is not possible.
       *[other] { $holder } holds the dossier (or it is on its way there), so this office cannot do "{ $act }".
    }
    .past = The office that did it did not hold the dossier.
    .rule = Only the seat that holds a dossier may change its state (custody table; Decree 118/2025/NĐ-CP).
    .next = { $holder ->
        [none] A note is always possible; a new request needs a new dossier.
       *[other] Wait or speak to { $holder }; a note is always possible.
    }
act-not-transferred-here = { $holder ->
        [none] The dossier is closed and is not being transferred to this office.
       *[other] The dossier is not being transferred to this office; { $holder } holds it or is being sent it.
    }
    .past = The dossier was not being transferred to the office that did it.
    .rule = Only the seat a transfer goes to may take it over or decline it.
    .next = Check the number and the seat it goes to with "motcua dossier show".
act-not-sent-from-here = It cannot be recalled: this office did not transfer it, or the other seat has taken it over.
    .past = The dossier was not transferred from this office, or the other seat had taken it over.
    .rule = Only the sender may recall a transfer, and only before it is taken over.
    .next = Ask the seat that holds it to transfer it back.
act-not-outside = This office did not hand the dossier to an external agency.
    .past = The office that did it is not the one that handed the dossier over.
    .rule = Only the seat that handed it over records the result or takes it back.
    .next = See which seat handed it over with "motcua dossier show".
act-not-to-return-here = There is no result to return yet, or it is not returned here. Status: { $status }.
    .past = There was no result yet, or it is returned elsewhere.
    .rule = A result is handed out where the citizen chose to collect it, whatever the boundaries (Decree 118/2025/NĐ-CP).
    .next = See the return place and the status with "motcua dossier show".
act-not-competent = This office is not competent to decide the dossier.
    .past = The office that did it is not competent to decide the dossier.
    .rule = Only the competent seat may do this.
    .next = Pass the request on to the competent seat.
act-not-party = This office is not a party to the dossier.
    .past = The office that did it is not a party to the dossier.
    .rule = Only the receiving, competent and return seats, and those it was transferred to, write into it.
    .next = Check the number.
act-province-only = Only the province may do this.
    .past = Only the province may do this.
    .rule = Marking acts and reassigning dossiers is the province's task.
    .next = Ask the province's support.
act-not-settler = { $holder ->
        [none] This office may not settle the difference; the province does.
       *[other] This office may not settle the difference; { $holder } or the province does.
    }
    .past = The office that did it may not settle the difference.
    .rule = The seat that provisionally holds the dossier, or the province, settles.
    .next = { $holder ->
        [none] Speak to the province.
       *[other] Speak to { $holder }.
    }
act-already-received = The dossier has been received already.
    .past = The dossier had been received already.
    .rule = A dossier is received once.
    .next = Use the number it has.
act-not-received = The dossier has not been received.
    .past = The dossier had not been received.
    .rule = Everything begins with receiving (Mẫu 01).
    .next = Receive it first.
act-wrong-status = The dossier's status is "{ $status }", which does not allow "{ $act }".
    .past = The dossier's status at that moment did not allow it.
    .rule = Table of transitions between national status codes 1-10.
    .next = See what this status allows with "motcua dossier acts".
act-contested = The dossier has a difference that waits for a person, so "{ $act }" is not possible yet.
    .past = The dossier had a difference that waited for a person.
    .rule = After acts done apart only notes and papers are possible until a settlement.
    .next = { $holder ->
        [none] The province chooses the side that counts with settle.
       *[other] The holder ({ $holder }) or the province chooses the side that counts with settle.
    }
act-wrong-generation = The act was done under an older custody of the dossier.
    .past = The act was done under an older custody of the dossier.
    .rule = Each act names the custody generation its author knew.
    .next = Look at the dossier again and repeat the act if it is still needed.
act-not-signed = The result is not signed, so it cannot be issued.
    .past = The result was not signed.
    .rule = Only a signed result is issued.
    .next = Record the signature (sign) first.
act-transfer-to-self = A dossier cannot be transferred to the seat that holds it.
    .past = A dossier cannot be transferred to the seat that holds it.
    .rule = A transfer gives the dossier to another seat.
    .next = Name another seat, or use assign inside the office.
act-field-contested = This field has two values that wait for a person.
    .past = This field had two values that waited for a person.
    .rule = A contested value is not overwritten; one must be chosen.
    .next = Choose the right value with settle and the field's name.
act-field-unchanged = The new value equals the present one.
    .past = The new value equals the present one.
    .rule = A correction changes the value.
    .next = Nothing needs doing.
act-settle-unknown = The settlement names an act this machine does not know.
    .past = The settlement names an act that its author had not seen.
    .rule = A settlement names the acts of both sides and one of them as its choice.
    .next = Take the ids from "motcua dossier show" and try again.
act-settle-nothing = There is no difference as the settlement describes it.
    .past = There was no difference as the settlement describes it.
    .rule = A settlement names every side of an open difference and chooses one.
    .next = Take the open differences from "motcua dossier show" and try again.
act-marked-void = The province marked this act void.
    .rule = The province marks acts done without the right to do them.
    .next = See the province's reason in the dossier's history.
act-done-apart = This act and another were done apart and cannot both count.
    .rule = Acts done apart are never decided by order of arrival or by a clock.
    .next = The holder or the province chooses the side that counts with settle.
act-repeated = This act equals another and counts once.
    .rule = Two equal acts done apart count once.
    .next = Nothing needs doing.
act-too-late = The recall came after the other seat had taken the dossier over.
    .rule = Of a recall and a take-over done apart the take-over stands.
    .next = Ask the seat that holds the dossier to transfer it back.
act-set-aside = A person entitled to settle chose the other side.
    .rule = After a settlement only the chosen side counts; the history stays.
    .next = Nothing needs doing.
act-unknown = This act was written by a newer program.
    .rule = An older program keeps it and does not compute the state.
    .next = Update this office's program.
