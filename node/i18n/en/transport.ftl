### The line: connection, certificates, enrolment.
