### Vai trò của máy, chương trình đang chạy, tệp và hệ điều hành.

## Vai trò và tỉnh

commune-only = Lệnh này chỉ dùng trên máy của xã; thư mục này là của máy chủ tỉnh.
    .rule = Máy của xã gọi về tỉnh; máy chủ tỉnh không gọi đi.
    .next = Chạy lệnh trên máy của xã, hoặc kiểm tra --dir.
province-only = Lệnh này chỉ dùng trên máy chủ tỉnh; thư mục này là của máy xã.
    .rule = Danh mục, cấp máy và dữ liệu đang giữ lại do tỉnh quyết định.
    .next = Chạy lệnh trên máy chủ tỉnh, hoặc kiểm tra --dir.
province-code-level = Đây không phải mã của một tỉnh.
    .rule = Mã cấp tỉnh không có dấu chấm, ví dụ H27 (QĐ 20/2020/QĐ-TTg).
    .next = Sửa --code rồi chạy lại.
province-code-differs = Danh mục này là của tỉnh có mã { $code }.
    .rule = Máy chủ tỉnh chỉ dùng danh mục của tỉnh mình.
    .next = Chọn đúng tệp danh mục, hoặc sửa --code khi đang tạo máy chủ.
directory-no-draft = Chưa có bản dự thảo danh mục để công bố.
    .rule = Danh mục được nhập làm bản dự thảo trước khi công bố.
    .next = Nhập tệp bằng "motcua directory import TỆP" rồi công bố.
enrol-no-machine = Tỉnh không có máy nào mã "{ $node }".
    .rule = Mã máy gồm 32 chữ số thập lục phân.
    .next = Xem các máy bằng "motcua enrol list".
enrol-ban-already = Máy này đã bị cấm từ { $at }; không có gì thay đổi.
    .rule = Một máy chỉ bị cấm một lần và vĩnh viễn; lý do hay thời điểm nghi ngờ thứ hai không có tác dụng.
    .next = Xem bằng "motcua enrol list"; cấp máy khác cho đơn vị bằng "motcua enrol new".
enrol-ban-why = Lý do để trống hoặc dài quá { $most } byte.
    .rule = Lệnh cấm được gửi đến mọi máy trong tỉnh và lưu vĩnh viễn; phải nêu lý do, không ghi dữ liệu cá nhân.
    .next = Ghi lý do ngắn gọn ở --why.
enrol-ban-suspect-future = Thời điểm ở --suspect-from chưa đến.
    .rule = Bị nghi ngờ là dữ liệu đã đến từ thời điểm đó tới nay; dữ liệu đến sau vốn đã bị giữ lại.
    .next = Sửa --suspect-from, hoặc bỏ đi.
enrol-address = "{ $address }" không phải địa chỉ máy chủ.
    .rule = Địa chỉ có dạng MÁY:CỔNG, ví dụ 203.0.113.5:4272 hoặc tinh.example:4272.
    .next = Sửa --address rồi chạy lại.

## Chương trình đang chạy

control-busy = Chương trình đang chạy trên thư mục này có quá nhiều việc cùng lúc.
    .next = Chờ vài giây rồi chạy lại; chưa có gì được ghi.
control-version = Chương trình đang chạy trên thư mục này khác phiên bản với lệnh vừa gõ.
    .next = Dừng "motcua serve" rồi chạy lại bằng phiên bản mới; chưa có gì được ghi.
control-broken = Chương trình đang chạy trên thư mục này ngừng trả lời giữa chừng.
    .next = Xem việc nào đã ghi bằng "motcua dossier list" rồi gửi lại phần còn thiếu; dòng có request_id gửi lại không bị ghi hai lần.
control-socket = Không mở được cổng nhận lệnh trong thư mục dữ liệu: { $why }.
    .next = Kiểm tra đĩa và quyền ghi của thư mục rồi chạy lại.
office-served = "motcua serve" đang chạy trên thư mục này.
    .rule = Lệnh này cần dùng thư mục một mình.
    .next = Dừng "motcua serve", chạy lệnh này, rồi khởi động lại.
no-threads = Hệ điều hành không cho chương trình tạo thêm luồng.
    .next = Đóng bớt chương trình khác hoặc khởi động lại máy.

## Tệp và đầu vào

file-unreadable = Không đọc được tệp { $file }: { $why }.
    .next = Kiểm tra tên tệp và quyền đọc.
line-not-utf8 = Dòng này không phải văn bản UTF-8.
    .rule = Các dòng là văn bản UTF-8.
    .next = Lưu tệp dạng UTF-8 (Unicode) rồi gửi lại dòng này; các dòng khác không bị ảnh hưởng.

line-unreadable = Không đọc tiếp được các dòng gửi vào.
    .rule = Các dòng là văn bản UTF-8.
    .next = Kiểm tra tệp hoặc nơi gửi; các dòng đã trả lời là đã ghi, gửi lại phần còn thiếu.

## Lý do của hệ điều hành, theo số lỗi của Linux

os-error-1 = không được phép
os-error-2 = không có tệp hoặc thư mục này
os-error-5 = lỗi đọc ghi của thiết bị
os-error-11 = tạm thời hết tài nguyên
os-error-12 = hết bộ nhớ
os-error-13 = không đủ quyền
os-error-17 = đã có sẵn
os-error-20 = một phần của đường dẫn không phải thư mục
os-error-21 = đây là thư mục, không phải tệp
os-error-24 = mở quá nhiều tệp
os-error-27 = tệp quá lớn
os-error-28 = đĩa đã đầy
os-error-30 = đĩa chỉ cho đọc
os-error-36 = tên quá dài
os-error-98 = cổng đang được chương trình khác dùng
os-error-99 = địa chỉ không thuộc máy này
os-error-101 = không có đường mạng tới nơi đó
os-error-111 = nơi đó không nhận kết nối
os-error-122 = đã hết hạn mức đĩa
