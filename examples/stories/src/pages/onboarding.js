import { submitTo } from "./form.js";

const administrator = (values) => ({
  setup_token: values.setup_token.trim(),
  username: values.username.trim(),
  password: values.password,
});

submitTo("/api/auth/setup", administrator, "/settings/reset");
