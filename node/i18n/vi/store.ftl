### Kho dữ liệu: đĩa, khóa, phiên bản, mã hồ sơ, bản sao.

# Kho không mở hoặc không ghi được.
store-locked = Một chương trình motcua khác đang dùng thư mục dữ liệu này.
    .rule = Mỗi lúc chỉ một chương trình được ghi vào một thư mục.
    .next = Chờ chương trình kia xong, hoặc dừng nó, rồi chạy lại.
store-absent = Chưa có dữ liệu trong thư mục { $path }.
    .past = Thư mục chưa có dữ liệu.
    .rule = Lệnh này làm việc trên dữ liệu đã tạo của một đơn vị.
    .next = Kiểm tra --dir; nếu là máy mới, chạy "motcua commune init" (máy xã) hoặc "motcua province init" (máy chủ tỉnh).
store-exists = Thư mục { $path } đã có dữ liệu.
    .past = Thư mục đã có dữ liệu.
    .rule = Không bao giờ ghi đè dữ liệu đang có.
    .next = Chọn thư mục khác.
store-newer = Dữ liệu thuộc phiên bản { $found }, chương trình này chỉ đọc đến phiên bản { $ours }.
    .past = Dữ liệu thuộc phiên bản mới hơn chương trình này.
    .rule = Chương trình cũ không được ghi vào dữ liệu mới hơn.
    .next = Cài phiên bản chương trình mới hơn.
store-disk-full = Đĩa đã đầy; việc vừa làm chưa được ghi.
    .next = Giải phóng dung lượng đĩa rồi làm lại.
store-not-writable = Không ghi được { $path }.
    .past = Không ghi được vào thư mục dữ liệu.
    .next = Sửa quyền của tệp hoặc thư mục đó rồi làm lại.
store-corrupt = Dữ liệu bị hỏng: { $what }.
    .past = Dữ liệu bị hỏng.
    .next = Chạy "motcua verify"; khôi phục bản sao lưu nếu cần và báo bộ phận hỗ trợ của tỉnh.
store-io = Đĩa đọc hoặc ghi bị lỗi; việc vừa làm chưa chắc đã được ghi.
    .next = Kiểm tra đĩa, khởi động lại chương trình rồi chạy "motcua verify".
store-bug = Lỗi của chính chương trình; việc vừa làm chưa được ghi.
    .next = Báo bộ phận hỗ trợ của tỉnh.

# Mã hồ sơ.
number-no-series = Máy này không còn dãy số nào chưa dùng nên chưa cấp được mã hồ sơ.
    .rule = Mỗi máy chỉ đánh số trong dãy số tỉnh cấp; dãy đã rời bỏ không dùng lại.
    .next = Nối đường truyền rồi chạy "motcua sync now" để nhận dãy số mới; nếu chưa được, gọi tỉnh.
number-not-a-series = "{ $series }" không phải là dãy số.
    .rule = Dãy số là 000–899 hoặc 9000–9999.
    .next = Kiểm tra lại dãy số tỉnh cấp.
number-block-empty = Khối dãy số của tỉnh không còn đủ { $wanted } dãy.
    .rule = Dãy số của máy đã ngừng chỉ dùng lại sau 40 ngày.
    .next = Mở rộng series_block trong danh mục của tỉnh rồi công bố.

# Ghi và xử lý dữ liệu.
entry-too-large = Nội dung vượt quá { $limit_bytes } byte.
    .rule = Một lần ghi có giới hạn dung lượng.
    .next = Chia nội dung thành nhiều lần ghi.
entry-body-hash = Nội dung không khớp mã kiểm của nó.
entry-body-size = Nội dung quá lớn.
entry-body-erased = Nội dung đã được xóa theo quy định.
entry-newer-program = Cần chương trình mới hơn để đọc.
entry-no-document = Thay đổi không thuộc hồ sơ nào.
entry-undecodable = Không đọc được nội dung.
entry-structure = Nội dung trái cấu trúc của hồ sơ.
entry-library-failed = Thư viện xử lý hồ sơ gặp lỗi với thay đổi này.
entry-not-computable = Không tính được hồ sơ khi có thay đổi này.
entry-banned = Máy gửi đã bị tỉnh cấm.
entry-other-machine = Nhật ký ghi tên máy khác với máy gửi.
entry-other-seat = Thao tác nhân danh đơn vị không phải của máy gửi.
entry-province-only = Thao tác chỉ tỉnh được làm.
entry-refused-by-person = Người có trách nhiệm của tỉnh đã quyết định không nhận.
quarantine-not-found = Không có mục { $id } nào đang giữ lại chờ quyết định.
    .rule = Chỉ quyết định được mục đang giữ lại; mỗi mục quyết định một lần.
    .next = Xem danh sách bằng "motcua quarantine list".
quarantine-not-readable = Không đọc được mục { $id } nên không thể áp dụng.
    .rule = Chỉ áp dụng được nội dung đọc được.
    .next = Mục này vẫn được giữ lại; báo bộ phận hỗ trợ.

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
rolled-back = Dữ liệu trên máy này là bản cũ hơn những gì máy đã ghi (thư mục có thể vừa được phục hồi hoặc chép đè). Phần thiếu: nhật ký { $boot }, đến mục { $lsn }.
    .next = Chạy "motcua sync now" để nhận lại từ tỉnh phần đã gửi. Mã hồ sơ vẫn được cấp tiếp, không trùng.
no-witness = Tệp đối chứng không xác nhận được dữ liệu này là bản mới nhất: { $why } Mã hồ sơ đã chuyển sang dãy số khác để không trùng.
    .next = Nếu thư mục vừa được sao chép hay phục hồi: chỉ để một bản chạy. Nếu chỉ đổi chỗ tệp đối chứng: chỉ lại chỗ bằng --witness.
other-copy = Có hai máy cùng mang tên máy này: một bản sao của thư mục dữ liệu đang làm việc ở nơi khác (nhật ký { $boot }). Cả hai vẫn gửi được; không mất hồ sơ nào.
    .next = Tìm và dừng bản sao kia; gọi tỉnh để chọn một máy.
duplicate-series = Một bản sao của máy này đã cấp mã hồ sơ trong dãy số { $series }; máy này đã chuyển sang dãy khác.
    .next = Tìm và dừng bản sao kia; gọi tỉnh để chọn một máy.
duplicate-number = Hai hồ sơ mang cùng mã { $number } (máy đã được chép lại). Cả hai đều còn nguyên.
    .rule = Mỗi hồ sơ có một mã riêng (TT 03/2025/TT-VPCP).
    .next = Xem "motcua dossier show { $number }", đối chiếu hai hồ sơ và báo tỉnh để cấp mã thay thế cho hồ sơ thứ hai, rồi in lại giấy tiếp nhận.
witness-missing = không tìm thấy tệp đối chứng.
witness-locked = một chương trình khác đang dùng tệp đối chứng.
witness-of-other-machine = tệp đối chứng là của máy khác.
witness-unreadable = không đọc được tệp đối chứng.
witness-not-writable = không ghi được tệp đối chứng.

# Kết quả kiểm tra (motcua verify).
verify-file = Tệp cơ sở dữ liệu bị hỏng: { $what }.
    .next = Dừng chương trình, giữ nguyên thư mục, báo bộ phận hỗ trợ của tỉnh; phần đã gửi vẫn còn ở tỉnh.
verify-chain = Chuỗi của nhật ký { $log } không khớp tại mục { $lsn }.
    .next = Giữ nguyên thư mục và báo bộ phận hỗ trợ của tỉnh; phần đã gửi vẫn còn ở tỉnh.
verify-body = Nội dung mục { $lsn } của nhật ký { $log } đã bị thay đổi so với khi ghi.
    .next = Giữ nguyên thư mục và báo bộ phận hỗ trợ của tỉnh; phần đã gửi vẫn còn ở tỉnh.
verify-feed-gap = Danh sách dữ liệu dành cho { $seat } bị đứt quãng.
    .next = Báo bộ phận hỗ trợ của tỉnh.
verify-feed-digest = Tổng kiểm của dữ liệu dành cho { $seat } không khớp.
    .next = Báo bộ phận hỗ trợ của tỉnh.
verify-feed-missing = Dữ liệu dành cho { $seat } thiếu một phần hồ sơ { $doc }.
    .next = Báo bộ phận hỗ trợ của tỉnh.
verify-view = Bảng của hồ sơ { $doc } khác với nội dung đã ghi trong nhật ký.
    .next = Dừng "motcua serve" rồi chạy "motcua rebuild".
verify-number-twice = Hai hồ sơ mang cùng mã { $number }.
    .next = Xem "motcua dossier show { $number }" và báo tỉnh.
verify-number-above-counter = Mã hồ sơ { $number } vượt quá bộ đếm của máy này.
    .next = Dừng cấp mã trên máy này và báo bộ phận hỗ trợ của tỉnh.
two-histories = Máy của { $seat } có { $count } lịch sử song song: thư mục đã bị sao chép hoặc phục hồi từ bản cũ.
    .next = Hỏi đơn vị xem bản nào đang dùng; chỉ giữ một bản. Hồ sơ của cả hai bản đều đã được giữ.
entry-second-root = Thay đổi này mở đầu lần thứ hai một hồ sơ đã có.
    .next = Xem máy đã gửi; nếu không phải lỗi, liên hệ bộ phận hỗ trợ của tỉnh.
entry-stray-document = Bản ghi này không thuộc hồ sơ nào nhưng lại nêu một hồ sơ.
    .next = Xem máy đã gửi; liên hệ bộ phận hỗ trợ của tỉnh.
quarantine-builds-on-missing = Mục { $id } dựa trên một thay đổi chưa có ở đây nên chưa đánh dấu được.
    .next = Đợi thay đổi còn thiếu đến rồi làm lại.
newer-item = Tỉnh đã công bố một nội dung (số { $n }) mà phần mềm này chưa đọc được.
    .next = Cập nhật phần mềm của đơn vị; các việc khác vẫn chạy.
directory-too-large = Danh mục sau khi nén vẫn lớn hơn { $most } byte.
    .rule = Một phiên bản danh mục có giới hạn để truyền được qua đường chậm.
    .next = Bỏ các bản ghi không còn dùng rồi công bố lại.
serve-listen-commune = Máy của xã không nghe ở cổng nào.
    .rule = Chỉ máy chủ tỉnh dùng --listen; máy của xã tự gọi lên tỉnh.
    .next = Bỏ --listen rồi chạy lại.
