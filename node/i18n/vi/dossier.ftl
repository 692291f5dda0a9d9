### Hồ sơ: vì sao một thao tác không được phép hoặc không được tính.
