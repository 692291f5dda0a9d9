# The province's directory: faults of a directory file, and checks of a citizen's request against it.

## The directory file. Each fault has its line and field.

directory-not-utf8 = Line { $line }: the file is not UTF-8 text.
    .rule = A directory file is UTF-8 text with one record per line.
    .next = Save the file as UTF-8 and check it again.
directory-file-too-large = The directory file is larger than { $max } bytes.
    .rule = A directory file has a bound, so that a small machine can read it.
    .next = Make sure that it is a directory file; leave out records that are no longer used.
directory-line-too-long = Line { $line }: longer than { $max } bytes.
    .rule = Each record stands on one line, which has a bound.
    .next = Shorten the record, or look for a missing line break.
directory-too-many-records = Line { $line }: the file has more than { $max } records.
    .rule = A directory file has a bound on its records.
    .next = Leave out records that are no longer used.
directory-too-many-faults = There are more faults; only the first { $max } are listed.
    .rule = The list of faults has a bound.
    .next = Correct those and check the file again.
directory-no-records = The file has no record.
    .rule = The first record must be the province.
    .next = Make sure that it is a directory file.
directory-syntax = Line { $line }, column { $column }: not valid JSON.
    .rule = Each line is one whole JSON object.
    .next = Look at brackets, commas and quotes near that place.
directory-duplicate-key = Line { $line }: the field "{ $value }" stands twice in one object.
    .rule = A field is given once.
    .next = Keep one value.
directory-not-object = Line { $line }: not a JSON object.
    .rule = Each line is a JSON object with a field "kind".
    .next = Write the record in braces.
directory-province-first = Line { $line }: the first record must be the province.
    .rule = The province's rules are read before everything else.
    .next = Move the province record to the top.
directory-province-twice = Line { $line }: there is a province record above.
    .rule = A directory file is of one province.
    .next = Remove the extra province record.
directory-too-new = Line { $line }: the file needs a program that reads version { $value }; this one reads up to { $own }.
    .rule = An old program does not guess at a new format.
    .next = Update the program on this machine.
directory-unknown-kind = Line { $line }: there is no kind of record "{ $value }".
    .rule = Kinds of record: { $allowed }.
    .next = Correct the field "kind".
directory-unknown-field = Line { $line }: this kind of record has no field "{ $value }".
    .rule = Unknown fields are a fault, so that no typing error goes unseen; a province's own fields begin with "x_".
    .next = Correct the name, or put "x_" in front of a field of your own.
directory-missing = Line { $line }: a required field is missing.
    .rule = A record has all its required fields.
    .next = Add the field.
directory-wrong-type = Line { $line }: the value must be { $expected ->
        [text] text
        [number] a number
        [yes-no] true or false
        [list] a list
       *[object] an object
    }.
    .rule = Each field has one type of value.
    .next = Correct the value.
directory-empty = Line { $line }: the value is empty.
    .rule = A field that is given has content.
    .next = Fill it in, or leave the field out.
directory-too-long = Line { $line }: longer than { $max }.
    .rule = Texts and lists have bounds.
    .next = Shorten it.
directory-control-character = Line { $line }: the text has a control character.
    .rule = Names and descriptions are printed and have only letters, digits and punctuation.
    .next = Type the text again.
directory-number-range = Line { $line }: { $value } is not a whole number from { $min } to { $max }.
    .rule = Money and days are not negative and have an upper bound.
    .next = Correct the number.
directory-form = Line { $line }: "{ $value }" does not have the form { $form }.
    .rule = Codes, dates and times have a fixed form.
    .next = Write it like { $form }.
directory-unknown-word = Line { $line }: "{ $value }" is not a value in use.
    .rule = Values in use: { $allowed }.
    .next = Choose one of them.
directory-duplicate = Line { $line }: "{ $value }" is on line { $first_line } already.
    .rule = One record per code; one calendar per year.
    .next = Keep one record.
directory-listed-twice = Line { $line }: "{ $value }" stands twice in the list.
    .rule = A code or day stands once in a list.
    .next = Remove the extra one.
directory-dangling = Line { $line }: there is no { $kind ->
        [agency] agency
        [workflow] workflow
        [procedure] procedure
        [step] step
        [case] case
       *[field] number field
    } "{ $value }".
    .rule = A record may only name what is in the file.
    .next = Correct the code, or add the missing record.
directory-cycle = Line { $line }: following successors or parents leads back to "{ $value }".
    .rule = Chains of successors and of parents have an end.
    .next = Correct the successor or parent.
directory-dates-reversed = Line { $line }: the last day is before the first.
    .rule = Validity runs from the first to the last day, both included.
    .next = Correct one of the dates.
directory-both-in-force = Line { $line }: in force on the same day as line { $first_line }.
    .rule = On any day one version of a procedure, and one rule set, is in force.
    .next = Give the older version its last day.
directory-hours-exceed-term = Line { $line }: the workflow takes { $hours } hours, the term has { $term_hours }.
    .rule = The hours of the counted steps do not exceed the statutory term.
    .next = Give the steps fewer hours, or choose another workflow.
directory-other-year = Line { $line }: the day is not of the calendar's year.
    .rule = A calendar is of one year.
    .next = Move the day to the calendar of its year.
directory-seasons-overlap = Line { $line }: two seasons overlap.
    .rule = A day has one set of hours.
    .next = Correct the season's first or last day.
directory-sessions-overlap = Line { $line }: a session begins before the one before it ends.
    .rule = The sessions of a day are in order and do not overlap.
    .next = Correct the hours.
directory-hours-reversed = Line { $line }: the session does not end after it begins.
    .rule = A session ends after it begins.
    .next = Correct the hours.
directory-not-with = Line { $line }: this field is not used with { $value }.
    .rule = Some fields have a meaning with their own kind only.
    .next = Leave the field out, or correct the kind.
directory-officer-external = Line { $line }: agency { $value } has a system of its own and so no officers here.
    .rule = Of an external agency only hand-over and result are recorded.
    .next = Remove the officer, or correct the agency's seat.

## Agencies, procedures, officers

calendar-no-working-time = The due date cannot be computed: the calendar has no working day.
    .rule = Due dates follow the calendar tables that the province has published.
    .next = Ask the province to check the table of the year.
procedure-unknown = There is no procedure { $procedure } in this machine's directory.
    .rule = Only procedures that the province has published are taken in.
    .next = Check the code; a newly published procedure comes with the province's next directory.
procedure-not-yet = Procedure { $procedure } is in force from { $date }.
    .rule = A procedure is taken in while it is in force.
    .next = Use the one in force, or wait for that day.
procedure-ended = Procedure { $procedure } ended on { $date }.
    .rule = A procedure is taken in while it is in force.
    .next = Look for the one that takes its place.
procedure-not-here = Procedure { $procedure } is decided by { $competent }; { $agency } may not take it in for them.
    .rule = Only procedures independent of boundaries may be lodged at any centre (Decree 118/2025, article 14).
    .next = Direct the citizen to { $competent }.
case-unknown = Procedure { $procedure } has no such case.
    .rule = Its cases: { $allowed }.
    .next = Choose one of them, or leave it out.
agency-unknown = There is no agency { $agency } in the directory.
    .rule = Agencies are those that the province has published.
    .next = Check the code.
agency-not-yet = Agency { $agency } works from { $date }.
    .rule = An agency takes part while it exists.
    .next = Choose one that exists.
agency-ended = Agency { $agency } no longer exists.
    .rule = After a merger the successor does the work of the old agency.
    .next = { $has_successor ->
        [yes] Use its successor { $successor }.
       *[no] Ask the province for its successor.
    }
competent-wrong = { $agency } may not decide procedure { $procedure }.
    .rule = Competent by the directory: { $allowed }.
    .next = Correct the competent agency, or leave it out to use the procedure's rule.
competent-missing = { $agency } does not decide procedure { $procedure } itself; name who does.
    .rule = Each dossier has one competent agency.
    .next = Put the commune's code into "competent".
officer-unknown = There is no officer { $officer } in the directory.
    .rule = Every act is done by an officer of the directory.
    .next = Check the officer's id (for example H27.102/02).
officer-elsewhere = Officer { $officer } does not work at { $seat }.
    .rule = Officers act for their own office.
    .next = Use an officer of { $seat }.
officer-inactive = Officer { $officer } is not active on this day.
    .rule = A closed or expired account does not act.
    .next = Use another officer, or ask the administrator.

## The request

field-unknown = Procedure { $procedure } has no such field.
    .rule = { $has_fields ->
        [yes] Its fields: { $allowed }.
       *[no] The procedure asks for no further field.
    }
    .next = Correct the name, or leave the field out.
field-missing = Please enter { $label }.
    .rule = The procedure requires this field.
    .next = Fill it in and send again.
field-form = The value does not have the form { $form }.
    .rule = Each field has a form of its own.
    .next = Write it like { $form }.
field-too-long = The text is longer than { $max } characters.
    .rule = Texts have bounds.
    .next = Shorten it.
field-too-great = The number is greater than { $max }.
    .rule = The directory sets an upper bound.
    .next = Correct the number.
field-choice = The value is not in the list.
    .rule = Values in use: { $allowed }.
    .next = Choose one of them.
component-unknown = Procedure { $procedure } has no component "{ $component }".
    .rule = Its components: { $allowed }.
    .next = Correct the code, or leave it out for another paper.
paper-kind = "{ $component }" is not accepted in this form.
    .rule = Accepted: { $allowed }.
    .next = Correct the paper's kind.
paper-missing = The dossier lacks: { $component }.
    .rule = The directory requires this component.
    .next = Add the paper, or ask for a supplement (form 02).
waiver-unknown = There is no waiver "{ $waiver }".
    .rule = Waivers are those that the province has published.
    .next = Choose one of the directory.
waiver-not-in-force = The waiver "{ $waiver }" is not in force on this day.
    .rule = Waivers go by the day of intake.
    .next = Leave the waiver out.
waiver-other-procedure = The waiver "{ $waiver }" does not hold for procedure { $procedure }.
    .rule = Some waivers hold for certain procedures only.
    .next = Leave the waiver out.
waiver-evidence-missing = The waiver "{ $waiver }" needs evidence.
    .rule = Who claims a waiver shows the right to it.
    .next = Put the paper that was shown into "payment.evidence".

## People

id-no-form = The id number does not have its form ({ $form }).
    .rule = A personal id number has 12 digits.
    .next = Scan the card again, or type the number again.
id-no-province = The id number does not begin with a known province code.
    .rule = Id numbers begin with the place of birth registration. This is only a warning.
    .next = Compare with the card.
id-no-birth-year = The id number does not fit the year of birth.
    .rule = Id numbers hold century and year of birth. This is only a warning.
    .next = Compare the birth date with the card.
id-no-sex = The id number does not fit the sex.
    .rule = The fourth digit holds the sex at birth registration. This is only a warning.
    .next = Compare with the card; records may have been corrected.
birth-form = The birth date does not have a known form.
    .rule = A birth date may be only a year, or month and year.
    .next = Write 1990-02-28, 28/02/1990 or 1955.
birth-in-future = The birth date is after today.
    .rule = Nobody is born in the future.
    .next = Check the birth date and the machine's clock.
phone-form = The phone number does not have a known form.
    .rule = Ten digits for a mobile phone, or a fixed line that begins with 02.
    .next = Type it again, or leave it out.
email-form = The e-mail address does not have a known form.
    .rule = An address looks like name@host.vn.
    .next = Type it again, or leave it out.
