import { list, submitTo } from "./form.js";

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
});

submitTo("/api/settings/init", configuration, "/settings/reset");
