### Danh mục: lỗi khi kiểm tra, nhập và công bố.
