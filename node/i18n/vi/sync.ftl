### Trao đổi với tỉnh: vì sao một phiên không xong, và những tình trạng cần người biết.

sync-failed = Phiên trao đổi với tỉnh bị dừng vì dữ liệu không khớp cách hai bên đang làm. Dữ liệu không mất gì.
    .rule = Mỗi bên chỉ ghi những gì đã kiểm tra được.
    .next = Không cần làm gì ngay: máy sẽ tự gọi lại. Nếu lặp lại, chạy "motcua verify" và báo tỉnh.
sync-store = Phiên trao đổi bị dừng vì máy này không đọc hoặc ghi được dữ liệu: { $why }
    .rule = Chỉ báo đã nhận sau khi đã ghi bền vững xuống đĩa.
    .next = Kiểm tra đĩa rồi chạy "motcua verify".
sync-partial = Phiên trao đổi chưa gửi hoặc nhận hết. Dữ liệu không mất gì.
    .rule = Phần đã được xác nhận không phải gửi lại.
    .next = Không cần làm gì: máy sẽ gửi tiếp; hoặc chạy "motcua sync now" lần nữa.
sync-bye-version = Chương trình của máy này và của tỉnh khác phiên bản nên không trao đổi được.
    .rule = Hai bên phải có phiên bản chung.
    .next = Cập nhật chương trình ở bên cũ hơn; trong khi chờ vẫn tiếp nhận bình thường.
sync-bye-wrong-province = Máy chủ trả lời là của tỉnh khác.
    .rule = Mỗi máy chỉ trao đổi với tỉnh đã cấp máy.
    .next = Kiểm tra địa chỉ máy chủ tỉnh và báo quản trị viên của tỉnh.
sync-bye-unknown-machine = Tỉnh không biết máy này.
    .rule = Tỉnh chỉ trao đổi với máy đã cấp.
    .next = Báo quản trị viên của tỉnh: máy chủ tỉnh có thể vừa phục hồi từ bản sao lưu cũ. Dữ liệu trên máy vẫn còn nguyên.
sync-bye-banned = Tỉnh đã cấm máy này. Hồ sơ trên máy vẫn còn nguyên.
    .rule = Những gì tỉnh đã nhận trước đó vẫn giữ nguyên.
    .next = Ngừng tiếp nhận trên máy này và không xóa gì. Báo quản trị viên của tỉnh số hồ sơ đang chờ gửi; phiên bản sau sẽ nộp được các hồ sơ này từ đĩa của máy (gói USB).
sync-bye-not-my-seat = Tỉnh không nhận máy này làm việc cho đơn vị ghi trong chứng thư.
    .rule = Một máy chỉ làm việc cho đơn vị ghi trong chứng thư của nó.
    .next = Báo quản trị viên của tỉnh: có thể đơn vị đã sáp nhập hoặc đổi máy.
sync-bye-busy = Máy chủ tỉnh đang quá bận.
    .rule = Tỉnh phục vụ một số máy nhất định cùng lúc.
    .next = Không cần làm gì; máy sẽ tự gọi lại.
sync-bye-full = Tỉnh đang giữ lại quá nhiều dữ liệu chờ người quyết định của máy này nên chưa nhận thêm.
    .rule = Dữ liệu đang giữ lại của mỗi máy có giới hạn.
    .next = Báo tỉnh xử lý danh sách "motcua quarantine list"; vẫn tiếp nhận bình thường, dữ liệu chờ gửi còn nguyên.
sync-bye-difference = Máy này và tỉnh thấy dữ liệu đã gửi không giống nhau.
    .rule = Khi hai bên không khớp, không bên nào xác nhận.
    .next = Chạy "motcua verify" trên máy này và báo tỉnh. Không mất hồ sơ nào.
sync-bye-protocol = Tỉnh ngừng trao đổi vì nhận dữ liệu sai quy cách.
    .rule = Dữ liệu sai quy cách bị bỏ, không có gì được ghi.
    .next = Cập nhật chương trình ở cả hai đầu; nếu vẫn lỗi, báo quản trị viên của tỉnh.
sync-bye-shutdown = Máy chủ tỉnh đang dừng hoặc khởi động lại.
    .rule = Phần chưa gửi được giữ lại cho lần sau.
    .next = Không cần làm gì; máy sẽ tự gọi lại.

## Tình trạng cần biết

forked-log = Một nhật ký có hai bản khác nhau (mã nhật ký { $subject }): máy đã được sao chép khi đang chạy. Bản đến tỉnh trước được giữ nguyên.
    .next = Tìm và dừng bản sao, chỉ để một máy chạy, rồi báo tỉnh. Không xóa thư mục nào: hồ sơ của cả hai bản đều còn trên máy.
machine-banned = Tỉnh đã cấm máy này; máy biết điều đó từ thời điểm trên. Những gì tỉnh đã nhận vẫn giữ nguyên; những gì đang chờ gửi còn nguyên trên đĩa của máy này nhưng không gửi từ đây được nữa.
    .next = Ngừng tiếp nhận trên máy này và không xóa gì. Báo quản trị viên của tỉnh số hồ sơ đang chờ gửi; phiên bản sau sẽ nộp được các hồ sơ này từ đĩa của máy (gói USB).
digest-differs = Dữ liệu máy này nhận từ tỉnh không khớp tổng kiểm của tỉnh (ở vị trí { $position }).
    .next = Chạy "motcua verify" và báo tỉnh. Vẫn tiếp nhận bình thường; tỉnh chưa xác nhận cho đến khi khớp.
foreign-log = Máy { $subject } gửi nhật ký của máy khác; tỉnh đã giữ lại { $logs } nhật ký, không áp dụng.
    .next = Xem "motcua quarantine list", tìm hiểu máy đó rồi quyết định từng mục.
province-full = Tỉnh đang giữ quá nhiều dữ liệu của máy này chờ người quyết định nên tạm không nhận thêm. Mọi hồ sơ vẫn nằm an toàn trên máy này.
    .next = Cứ tiếp nhận bình thường; báo tỉnh xử lý danh sách "motcua quarantine list".
machine-full = Máy của { $seat } có quá nhiều dữ liệu được giữ lại mà chưa áp dụng; tỉnh tạm không nhận thêm phần chưa áp dụng được.
    .next = Xem "motcua quarantine list", tìm hiểu máy đó, rồi quyết định từng mục hoặc cả máy (--machine).
