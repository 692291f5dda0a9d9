### Dòng lệnh.

not-in-this-version = Phiên bản này chưa có “{ $what }”.
    .next = Xem CHANGELOG.md để biết phiên bản này làm được gì.
