-- s3cret dump
CREATE TABLE `users` (`id` int);
INSERT INTO `users` VALUES (1,'s3cret.one@example.org','it\'s s3cret'),(2,'s3cret.two@example.org',NULL),(3,'s3cret','s3cret@');
INSERT INTO `users` VALUES (4,'s3cret.three@163.com','x');
