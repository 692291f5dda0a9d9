### Kho dữ liệu: đĩa, khóa, phiên bản.
