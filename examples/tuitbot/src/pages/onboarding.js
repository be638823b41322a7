import { list, setupToken, submitTo } from "./form.js";

const token = setupToken("/api/reset");

const sources = (folder) => (folder ? { sources: [{ path: folder }] } : undefined);

const configuration = (values) => ({
  x_api: { client_id: values.client_id.trim() },
  business: {
    product_name: values.product_name.trim(),
    product_description: values.product_description.trim(),
    product_keywords: list(values.product_keywords),
    industry_topics: list(values.industry_topics),
  },
  content_sources: sources(values.content_folder.trim()),
  claim: { passphrase: values.passphrase },
  setup_token: token.get(),
});

submitTo("/api/settings/init", configuration, "/settings/reset", token);
