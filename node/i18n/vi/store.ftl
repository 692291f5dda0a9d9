### Kho dữ liệu: đĩa, khóa, phiên bản, số hồ sơ, bản sao.

# Kho không mở hoặc không ghi được.
store-locked = Một chương trình khác đang ghi vào thư mục dữ liệu này.
    .rule = Mỗi thư mục chỉ có một chương trình được ghi.
    .next = Dừng chương trình kia, hoặc để lệnh đi qua chương trình đang chạy.
store-absent = Chưa có dữ liệu trong thư mục { $path }.
    .next = Kiểm tra --dir, hoặc tạo bằng "commune init" hay "province init".
store-exists = Thư mục { $path } đã có dữ liệu.
    .rule = Không bao giờ ghi đè dữ liệu đang có.
    .next = Chọn thư mục khác.
store-newer = Dữ liệu thuộc phiên bản { $found }, chương trình này chỉ đọc đến phiên bản { $ours }.
    .rule = Chương trình cũ không được ghi vào dữ liệu mới hơn.
    .next = Cài phiên bản chương trình mới hơn.
store-disk-full = Đĩa đã đầy; việc vừa làm chưa được ghi.
    .next = Giải phóng dung lượng đĩa rồi làm lại.
store-not-writable = Không ghi được { $path }.
    .next = Sửa quyền của tệp hoặc thư mục đó rồi làm lại.
store-corrupt = Dữ liệu bị hỏng: { $what }.
    .next = Chạy "motcua verify"; khôi phục bản sao lưu nếu cần và báo bộ phận hỗ trợ của tỉnh.
store-io = Đĩa đọc hoặc ghi bị lỗi; việc vừa làm chưa được xác nhận.
    .next = Kiểm tra đĩa, khởi động lại chương trình rồi chạy "motcua verify".
store-bug = Lỗi của chương trình; việc vừa làm chưa được ghi.
    .next = Báo bộ phận hỗ trợ của tỉnh.

# Số hồ sơ.
number-no-series = Máy này không còn dãy số nào chưa dùng.
    .rule = Mỗi máy chỉ đánh số trong dãy số tỉnh cấp; dãy đã rời bỏ không dùng lại.
    .next = Kết nối với tỉnh, hoặc nhận dãy số mới qua USB hay điện thoại.
number-not-a-series = "{ $series }" không phải là dãy số.
    .rule = Dãy số là 000–899 hoặc 9000–9999.
    .next = Kiểm tra lại dãy số tỉnh cấp.
number-block-empty = Khối dãy số của tỉnh không còn đủ { $wanted } dãy.
    .rule = Dãy số của máy đã ngừng chỉ dùng lại sau 40 ngày.
    .next = Mở rộng khối dãy số trong cấu hình của tỉnh.

# Ghi và xử lý dữ liệu.
entry-too-large = Nội dung vượt quá { $limit_bytes } byte.
    .rule = Một lần ghi có giới hạn dung lượng.
    .next = Chia nội dung thành nhiều lần ghi.
entry-body-hash = Nội dung không khớp mã băm.
entry-body-size = Nội dung quá lớn.
entry-body-erased = Nội dung đã được xóa theo quy định.
entry-newer-program = Cần chương trình mới hơn để đọc.
entry-no-document = Thay đổi không thuộc hồ sơ nào.
entry-undecodable = Không giải mã được.
entry-structure = Trái cấu trúc của hồ sơ.
entry-library-failed = Thư viện xử lý hồ sơ gặp lỗi với thay đổi này.
entry-not-computable = Không tính được hồ sơ khi có thay đổi này.
entry-banned = Máy gửi đã bị cấm.
entry-other-machine = Nhật ký ghi tên máy khác.
entry-other-seat = Việc của đơn vị không thuộc máy gửi.
entry-province-only = Việc chỉ tỉnh được làm.
entry-refused-by-person = Cán bộ của tỉnh đã từ chối.
quarantine-not-found = Không có mục cách ly { $id }.
    .next = Xem danh sách bằng "motcua quarantine list".
quarantine-not-readable = Không đọc được mục { $id } nên không thể áp dụng.
    .next = Từ chối mục này bằng "motcua quarantine refuse".

# Cấp máy.
enrol-unknown-code = Tỉnh không biết mã này.
    .rule = Mã do tỉnh tạo cho từng máy.
    .next = Kiểm tra lại mã, hoặc xin mã mới.
enrol-code-used = Mã này đã được một máy khác dùng.
    .rule = Mỗi mã chỉ dùng cho một máy.
    .next = Xin mã mới.
enrol-code-expired = Mã này đã hết hạn.
    .next = Xin mã mới.

# Tình trạng cần biết.
rolled-back = Dữ liệu của máy này là bản cũ hơn những gì đã ghi (nhật ký { $boot }, đến { $lsn }).
    .next = Đồng bộ với tỉnh để nhận lại phần thiếu. Số hồ sơ được đánh tiếp, không trùng.
no-witness = Tệp chứng kiến không xác nhận được dữ liệu này.
    .next = Nếu thư mục vừa được sao chép hay khôi phục: chỉ để một bản chạy. Số hồ sơ được chuyển sang dãy khác.
other-copy = Có một bản sao khác của dữ liệu máy này đang làm việc (nhật ký { $boot }).
    .next = Tìm và dừng bản sao kia. Không mất hồ sơ nào; cả hai bên đều được báo.
duplicate-series = Một bản sao khác đã đánh số trong dãy { $series }; máy này chuyển sang dãy khác.
    .next = Tìm và dừng bản sao kia.
duplicate-number = Hai hồ sơ mang cùng số { $number }.
    .rule = Mỗi hồ sơ có một số riêng (TT 03/2025).
    .next = Một người đối chiếu hai hồ sơ và cấp số thay thế cho hồ sơ thứ hai.
witness-missing = Tệp chứng kiến không còn.
witness-locked = Một chương trình khác đang giữ tệp chứng kiến.
witness-of-other-machine = Tệp chứng kiến là của máy khác.
witness-unreadable = Tệp chứng kiến không đọc được.
witness-not-writable = Tệp chứng kiến không ghi được.

# Kết quả kiểm tra (motcua verify).
verify-file = Tệp cơ sở dữ liệu: { $what }.
verify-chain = Chuỗi của nhật ký { $log } không khớp tại { $lsn }.
verify-body = Nội dung mục { $lsn } của nhật ký { $log } không khớp mã băm.
verify-feed-gap = Luồng của { $seat } bị đứt quãng.
verify-feed-digest = Mã tổng của luồng { $seat } không khớp.
verify-feed-missing = Luồng của { $seat } thiếu một phần hồ sơ { $doc }.
verify-view = Bảng của hồ sơ { $doc } khác với nội dung đã ghi.
    .next = Chạy "motcua rebuild".
verify-number-twice = Số { $number } có ở hai hồ sơ.
verify-number-above-counter = Số { $number } vượt quá bộ đếm của máy này.
condition-two-histories = Máy của { $seat } có { $count } lịch sử song song: thư mục đã bị sao chép hoặc phục hồi từ bản cũ.
    .next = Hỏi đơn vị xem bản nào đang dùng; chỉ giữ một bản. Hồ sơ của cả hai bản đều đã được giữ.
