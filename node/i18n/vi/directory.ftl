# Danh mục của tỉnh: lỗi của tệp danh mục, và kiểm tra yêu cầu của công dân theo danh mục.

## Tệp danh mục. Mỗi lỗi có số dòng (line) và trường.

directory-not-utf8 = Dòng { $line }: tệp không phải văn bản UTF-8.
    .rule = Tệp danh mục là văn bản UTF-8, mỗi dòng một bản ghi.
    .next = Lưu lại tệp với bảng mã UTF-8 rồi kiểm tra lại.
directory-file-too-large = Tệp danh mục lớn hơn { $max } byte.
    .rule = Một tệp danh mục có giới hạn kích thước để máy nhỏ vẫn đọc được.
    .next = Kiểm tra xem có đúng tệp danh mục không; bỏ các bản ghi không còn dùng.
directory-line-too-long = Dòng { $line }: dài hơn { $max } byte.
    .rule = Mỗi bản ghi nằm trên một dòng có giới hạn độ dài.
    .next = Rút gọn bản ghi hoặc xem lại chỗ ngắt dòng.
directory-too-many-records = Dòng { $line }: tệp có hơn { $max } bản ghi.
    .rule = Một tệp danh mục có giới hạn số bản ghi.
    .next = Bỏ các bản ghi không còn dùng.
directory-too-many-faults = Tệp còn lỗi khác; chỉ liệt kê { $max } lỗi đầu.
    .rule = Danh sách lỗi có giới hạn.
    .next = Sửa các lỗi đã nêu rồi kiểm tra lại.
directory-no-records = Tệp không có bản ghi nào.
    .rule = Bản ghi đầu tiên phải là tỉnh (province).
    .next = Kiểm tra xem có đúng tệp danh mục không.
directory-syntax = Dòng { $line }, cột { $column }: không phải JSON hợp lệ.
    .rule = Mỗi dòng là một đối tượng JSON trọn vẹn.
    .next = Sửa dấu ngoặc, dấu phẩy, dấu nháy ở gần vị trí này.
directory-duplicate-key = Dòng { $line }: trường "{ $value }" xuất hiện hai lần trong một đối tượng.
    .rule = Mỗi trường chỉ được ghi một lần.
    .next = Giữ một giá trị, bỏ giá trị kia.
directory-not-object = Dòng { $line }: không phải một đối tượng JSON.
    .rule = Mỗi dòng là một đối tượng JSON có trường "kind".
    .next = Viết bản ghi trong dấu ngoặc nhọn.
directory-province-first = Dòng { $line }: bản ghi đầu tiên phải là tỉnh (province).
    .rule = Các quy tắc của tỉnh được đọc trước mọi bản ghi khác.
    .next = Đưa bản ghi province lên đầu tệp.
directory-province-twice = Dòng { $line }: bản ghi tỉnh (province) đã có ở trên.
    .rule = Một tệp danh mục là của một tỉnh.
    .next = Bỏ bản ghi province thừa.
directory-too-new = Dòng { $line }: tệp cần chương trình đọc được phiên bản { $value }; chương trình này đọc đến phiên bản { $own }.
    .rule = Chương trình cũ không đoán nội dung của định dạng mới.
    .next = Cập nhật chương trình trên máy này.
directory-unknown-kind = Dòng { $line }: loại bản ghi "{ $value }" không có.
    .rule = Các loại bản ghi: { $allowed }.
    .next = Sửa lại trường "kind".
directory-unknown-field = Dòng { $line }: trường "{ $value }" không có trong loại bản ghi này.
    .rule = Trường lạ là lỗi để chữ gõ nhầm không bị bỏ qua; trường riêng của tỉnh bắt đầu bằng "x_".
    .next = Sửa tên trường, hoặc thêm "x_" ở đầu nếu là trường riêng.
directory-missing = Dòng { $line }: thiếu trường bắt buộc.
    .rule = Bản ghi phải có đủ các trường bắt buộc.
    .next = Bổ sung trường này.
directory-wrong-type = Dòng { $line }: giá trị phải là { $expected ->
        [text] văn bản
        [number] số
        [yes-no] true hoặc false
        [list] danh sách
       *[object] đối tượng
    }.
    .rule = Mỗi trường có một kiểu giá trị.
    .next = Sửa lại giá trị.
directory-empty = Dòng { $line }: giá trị để trống.
    .rule = Trường đã ghi thì phải có nội dung.
    .next = Điền giá trị, hoặc bỏ hẳn trường này.
directory-too-long = Dòng { $line }: dài hơn { $max }.
    .rule = Văn bản và danh sách có giới hạn độ dài.
    .next = Rút gọn.
directory-control-character = Dòng { $line }: văn bản có ký tự điều khiển.
    .rule = Tên và mô tả được in ra giấy nên chỉ gồm chữ, số, dấu câu.
    .next = Gõ lại đoạn văn bản này.
directory-number-range = Dòng { $line }: { $value } nằm ngoài khoảng { $min } đến { $max } (số nguyên).
    .rule = Số tiền, số ngày không âm và có giới hạn trên.
    .next = Sửa lại số.
directory-form = Dòng { $line }: "{ $value }" không đúng dạng { $form }.
    .rule = Mã, ngày, giờ có dạng cố định.
    .next = Viết theo mẫu { $form }.
directory-unknown-word = Dòng { $line }: "{ $value }" không phải giá trị được dùng.
    .rule = Các giá trị được dùng: { $allowed }.
    .next = Chọn một trong các giá trị đó.
directory-duplicate = Dòng { $line }: "{ $value }" đã có ở dòng { $first_line }.
    .rule = Mỗi mã chỉ có một bản ghi; mỗi năm chỉ có một bảng lịch.
    .next = Giữ một bản ghi.
directory-listed-twice = Dòng { $line }: "{ $value }" có hai lần trong danh sách.
    .rule = Trong một danh sách, mỗi mã, mỗi ngày chỉ có một lần.
    .next = Bỏ dòng thừa trong danh sách.
directory-dangling = Dòng { $line }: { $kind ->
        [agency] cơ quan
        [workflow] quy trình
        [procedure] thủ tục
        [step] bước
        [case] trường hợp
       *[field] trường số
    } "{ $value }" không có.
    .rule = Bản ghi chỉ được dẫn tới những gì có trong tệp.
    .next = Sửa mã, hoặc thêm bản ghi còn thiếu.
directory-cycle = Dòng { $line }: đi theo cơ quan kế thừa hoặc cơ quan cấp trên thì quay lại "{ $value }".
    .rule = Chuỗi kế thừa và chuỗi cấp trên phải có điểm cuối.
    .next = Sửa cơ quan kế thừa hoặc cơ quan cấp trên.
directory-dates-reversed = Dòng { $line }: ngày kết thúc trước ngày bắt đầu.
    .rule = Thời gian hiệu lực tính từ ngày bắt đầu đến hết ngày kết thúc.
    .next = Sửa một trong hai ngày.
directory-both-in-force = Dòng { $line }: có ngày cùng hiệu lực với dòng { $first_line }.
    .rule = Mỗi ngày chỉ một phiên bản của một thủ tục, một bộ quy tắc có hiệu lực.
    .next = Ghi ngày kết thúc cho phiên bản cũ.
directory-hours-exceed-term = Dòng { $line }: quy trình cần { $hours } giờ, thời hạn chỉ có { $term_hours } giờ.
    .rule = Tổng giờ các bước được tính không vượt thời hạn giải quyết.
    .next = Giảm giờ các bước, hoặc chọn quy trình khác.
directory-other-year = Dòng { $line }: ngày không thuộc năm của bảng lịch.
    .rule = Mỗi bảng lịch là của một năm.
    .next = Chuyển ngày này sang bảng của năm đó.
directory-seasons-overlap = Dòng { $line }: hai mùa giờ làm việc chồng lên nhau.
    .rule = Mỗi ngày chỉ có một giờ làm việc.
    .next = Sửa ngày bắt đầu hoặc kết thúc của mùa.
directory-sessions-overlap = Dòng { $line }: buổi làm việc bắt đầu trước khi buổi trước kết thúc.
    .rule = Các buổi trong ngày theo thứ tự và không chồng nhau.
    .next = Sửa giờ.
directory-hours-reversed = Dòng { $line }: giờ kết thúc không sau giờ bắt đầu.
    .rule = Buổi làm việc kết thúc sau khi bắt đầu.
    .next = Sửa giờ.
directory-not-with = Dòng { $line }: trường này không dùng cùng { $value }.
    .rule = Một số trường chỉ có nghĩa với loại tương ứng.
    .next = Bỏ trường này, hoặc sửa loại.
directory-officer-external = Dòng { $line }: cơ quan { $value } có hệ thống riêng nên không có công chức trong danh mục.
    .rule = Với cơ quan có hệ thống riêng, chỉ ghi việc bàn giao và nhận kết quả.
    .next = Bỏ công chức này, hoặc sửa loại tham gia (seat) của cơ quan.

## Cơ quan, thủ tục, công chức

calendar-no-working-time = Không tính được ngày hẹn: lịch làm việc không có ngày làm việc nào.
    .rule = Ngày hẹn trả tính theo bảng lịch làm việc tỉnh đã công bố.
    .next = Báo tỉnh kiểm tra bảng lịch của năm liên quan.
procedure-unknown = Không có thủ tục { $procedure } trong danh mục trên máy này.
    .rule = Chỉ tiếp nhận thủ tục có trong danh mục tỉnh đã công bố.
    .next = Kiểm tra mã thủ tục; nếu thủ tục mới công bố, chờ danh mục mới của tỉnh.
procedure-not-yet = Thủ tục { $procedure } có hiệu lực từ { $date }.
    .rule = Thủ tục chỉ được tiếp nhận khi đang có hiệu lực.
    .next = Dùng thủ tục đang có hiệu lực, hoặc tiếp nhận từ ngày đó.
procedure-ended = Thủ tục { $procedure } hết hiệu lực sau ngày { $date }.
    .rule = Thủ tục chỉ được tiếp nhận khi đang có hiệu lực.
    .next = Tìm thủ tục thay thế trong danh mục.
procedure-not-here = Thủ tục { $procedure } do { $competent } giải quyết, { $agency } không được tiếp nhận thay.
    .rule = Chỉ thủ tục không phụ thuộc địa giới mới được tiếp nhận ở mọi Trung tâm (NĐ 118/2025/NĐ-CP, Điều 14).
    .next = Hướng dẫn công dân nộp tại { $competent }.
case-unknown = Thủ tục { $procedure } không có trường hợp này.
    .rule = Các trường hợp của thủ tục: { $allowed }.
    .next = Chọn một trường hợp trong danh mục, hoặc để trống.
agency-unknown = Không có cơ quan { $agency } trong danh mục.
    .rule = Cơ quan phải có trong danh mục tỉnh đã công bố.
    .next = Kiểm tra mã cơ quan.
agency-not-yet = Cơ quan { $agency } hoạt động từ { $date }.
    .rule = Cơ quan chỉ tham gia khi đang hoạt động.
    .next = Chọn cơ quan đang hoạt động.
agency-ended = Cơ quan { $agency } không còn hoạt động.
    .rule = Sau sắp xếp đơn vị, việc của cơ quan cũ do cơ quan kế thừa giải quyết.
    .next = { $has_successor ->
        [yes] Dùng cơ quan kế thừa { $successor }.
       *[no] Hỏi tỉnh về cơ quan kế thừa.
    }
competent-wrong = { $agency } không có thẩm quyền giải quyết thủ tục { $procedure }.
    .rule = Cơ quan có thẩm quyền theo danh mục: { $allowed }.
    .next = Sửa cơ quan giải quyết, hoặc để trống để dùng quy tắc của thủ tục.
competent-missing = { $agency } không tự giải quyết thủ tục { $procedure }, phải nêu cơ quan giải quyết.
    .rule = Mỗi hồ sơ có một cơ quan có thẩm quyền giải quyết.
    .next = Ghi mã xã, phường giải quyết vào "competent".
officer-unknown = Không có công chức { $officer } trong danh mục.
    .rule = Mỗi thao tác do một công chức có trong danh mục thực hiện.
    .next = Kiểm tra mã công chức (ví dụ H27.102/02).
officer-elsewhere = Công chức { $officer } không thuộc { $seat }.
    .rule = Công chức chỉ thao tác cho đơn vị của mình.
    .next = Dùng công chức của { $seat }.
officer-inactive = Công chức { $officer } không còn hoạt động vào ngày này.
    .rule = Tài khoản đã khóa hoặc hết thời hạn không được thao tác.
    .next = Dùng công chức khác, hoặc nhờ quản trị mở lại.

## Nội dung yêu cầu

field-unknown = Thủ tục { $procedure } không có trường này.
    .rule = { $has_fields ->
        [yes] Các trường của thủ tục: { $allowed }.
       *[no] Thủ tục không hỏi thêm trường nào.
    }
    .next = Sửa tên trường, hoặc bỏ trường này.
field-missing = Vui lòng nhập { $label }.
    .rule = Trường bắt buộc của thủ tục.
    .next = Điền trường này rồi gửi lại.
field-form = Giá trị không đúng dạng { $form }.
    .rule = Mỗi trường có một dạng giá trị.
    .next = Viết theo mẫu { $form }.
field-too-long = Nội dung dài hơn { $max } ký tự.
    .rule = Văn bản có giới hạn độ dài.
    .next = Rút gọn nội dung.
field-too-great = Số lớn hơn { $max }.
    .rule = Số có giới hạn trên theo danh mục.
    .next = Sửa lại số.
field-choice = Giá trị không có trong danh sách.
    .rule = Các giá trị được dùng: { $allowed }.
    .next = Chọn một trong các giá trị đó.
component-unknown = Thủ tục { $procedure } không có thành phần hồ sơ "{ $component }".
    .rule = Các thành phần của thủ tục: { $allowed }.
    .next = Sửa mã thành phần, hoặc để trống nếu là giấy tờ khác.
paper-kind = "{ $component }" không nhận ở hình thức này.
    .rule = Hình thức được nhận: { $allowed }.
    .next = Sửa hình thức giấy tờ.
paper-missing = Hồ sơ còn thiếu: { $component }.
    .rule = Thành phần hồ sơ bắt buộc theo danh mục.
    .next = Bổ sung giấy tờ, hoặc lập phiếu yêu cầu bổ sung (Mẫu 02).
waiver-unknown = Không có đối tượng miễn, giảm "{ $waiver }".
    .rule = Miễn, giảm phí theo danh mục tỉnh đã công bố.
    .next = Chọn đối tượng trong danh mục.
waiver-not-in-force = Mức miễn, giảm "{ $waiver }" không có hiệu lực vào ngày này.
    .rule = Miễn, giảm theo ngày tiếp nhận.
    .next = Bỏ mức miễn, giảm này.
waiver-other-procedure = Mức miễn, giảm "{ $waiver }" không áp dụng cho thủ tục { $procedure }.
    .rule = Một số mức miễn, giảm chỉ áp dụng cho thủ tục được nêu.
    .next = Bỏ mức miễn, giảm này.
waiver-evidence-missing = Mức miễn, giảm "{ $waiver }" cần giấy tờ chứng minh.
    .rule = Người được miễn, giảm phải xuất trình giấy tờ chứng minh.
    .next = Ghi giấy tờ đã xem vào "payment.evidence".

## Người

id-no-form = Số giấy tờ không đúng dạng ({ $form }).
    .rule = Số định danh cá nhân phải gồm 12 chữ số.
    .next = Quét lại thẻ, hoặc gõ lại số.
id-no-province = Ba số đầu của số định danh không phải mã tỉnh đã dùng.
    .rule = Số định danh bắt đầu bằng mã nơi đăng ký khai sinh. Đây chỉ là cảnh báo.
    .next = Đối chiếu với thẻ.
id-no-birth-year = Số định danh không khớp năm sinh.
    .rule = Số định danh chứa thế kỷ và hai số cuối năm sinh. Đây chỉ là cảnh báo.
    .next = Đối chiếu ngày sinh với thẻ.
id-no-sex = Số định danh không khớp giới tính.
    .rule = Chữ số thứ tư chỉ giới tính khi đăng ký khai sinh. Đây chỉ là cảnh báo.
    .next = Đối chiếu với thẻ; giới tính có thể đã được cải chính.
birth-form = Ngày sinh không đúng dạng.
    .rule = Ngày sinh có thể chỉ có năm, hoặc tháng và năm.
    .next = Viết 1990-02-28, 28/02/1990 hoặc 1955.
birth-in-future = Ngày sinh sau ngày hôm nay.
    .rule = Ngày sinh không ở tương lai.
    .next = Kiểm tra ngày sinh và đồng hồ của máy.
phone-form = Số điện thoại không đúng dạng.
    .rule = Số di động 10 chữ số, hoặc số cố định bắt đầu bằng 02.
    .next = Gõ lại số, hoặc để trống nếu không có.
email-form = Địa chỉ thư điện tử không đúng dạng.
    .rule = Địa chỉ có dạng ten@may.vn.
    .next = Gõ lại địa chỉ, hoặc để trống nếu không có.
