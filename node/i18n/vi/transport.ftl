### Đường truyền: kết nối, chứng thư, cấp máy.
